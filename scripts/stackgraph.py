"""stackgraph - who calls whom in a linked program, and how deep its stack gets

GCC's -fcallgraph-info=su leaves a .ci file beside each object: its functions,
what stack each takes, and their calls. A call through a pointer has no target
there, but a place in the source: cflow says who may be called there, and those
of them that the linker has kept are. Who is nobody's is the host's own, such
as a device's read. So every path there is is in the graph, and perhaps some
that cannot be: what is bounded here is bounded.
"""
import re

NODE = re.compile(r'node: \{ title: "([^"]*)" label: "([^"]*)"')
EDGE = re.compile(r'edge: \{ sourcename: "([^"]*)" targetname: "([^"]*)"'
                  r'(?: label: "([^"]*)")?')
PLACE = re.compile(r'\\n([^:]*):\d+:\d+')
BYTES = re.compile(r'(\d+) bytes \((\w+)')

# What a host lends: calls that leave Shale.
HOST = {'lend', 'give_back', 'init', 'fini', 'lock', 'lock_shared', 'unlock',
        'now', 'zone', 'event', 'read', 'write', 'flush', 'discard', 'zero',
        'direct', 'data_from', 'soon', 'submit', 'wait',
        'wake', 'text', 'number', 'time', 'item', 'whose'}


class Graph:
    """
    What one linked program can call, from its main function on.

    A function that is handed others is there once for each set of them, so
    that a walk that calls back is not taken for all that walk alike.
    """

    def __init__(self, kept, infos, flow, main):
        """KEPT: names in the program. INFOS: texts of .ci files."""
        self.flow = flow
        self.frames = {}            # title -> bytes
        self.sites = {}             # title -> (target or None, place)
        self.by_key = {}            # (file, name) of the source -> titles
        self.frame = {}             # node -> bytes
        self.calls = {}             # node -> nodes
        self.unknown = set()        # (title, place) of calls not followed
        self.dynamic = set()        # frames without a bound
        for text in infos:
            self._read(text, kept)
        self._follow(main)

    def _read(self, text, kept):
        for title, label in NODE.findall(text):
            size, place = BYTES.search(label), PLACE.search(label)
            whole = title.split(':')[-1]
            if not size or not place or whole not in kept:
                continue
            if size.group(2) == 'dynamic':
                self.dynamic.add(title)
            # The program's own functions are not Shale's.
            own = '/profile.c' in label
            self.frames[title] = 0 if own else int(size.group(1))
            self.sites[title] = []
            key = place.group(1), re.sub(r'\..*', '', whole)
            self.by_key.setdefault(key, set()).add(title)
        for source, target, place in EDGE.findall(text):
            if source in self.sites:
                self.sites[source].append(
                    (None if target == '__indirect_call' else target, place))

    def _follow(self, main):
        """Make nodes of all that can be called."""
        keys = {title: key for key, titles in self.by_key.items()
                for title in titles}
        work = [(main, frozenset())]
        while work:
            node = work.pop()
            if node in self.calls:
                continue
            title, bound = node[0], dict(node[1])
            self.frame[node] = self.frames[title]
            self.calls[node] = set()
            for target, place in self.sites[title]:
                site = self.flow.site(place)
                titles = {target} if target else self._pointed(
                    title, place, site, keys[title], bound)
                for callee in titles & self.sites.keys():
                    handed = {}
                    if site and keys[callee] in self.flow.functions:
                        handed = self.flow.bind(site, keys[title], bound,
                                                keys[callee])
                    self.calls[node].add((callee, frozenset(handed.items())))
            work += self.calls[node]

    def _pointed(self, title, place, site, own, bound):
        """The titles that a call through a pointer may reach."""
        targets = self.flow.targets(site, own, bound) if site else set()
        if not targets and (not site or site[1][-1] not in HOST):
            self.unknown.add((title, place))
        return set().union(*(self.by_key.get(key, set()) for key in targets))

    def components(self):
        """Strongly connected sets of functions, callees first (Tarjan)."""
        index, low, on, stack, out = {}, {}, set(), [], []
        for root in self.calls:
            if root in index:
                continue
            work = [(root, iter(self.calls[root]))]
            index[root] = low[root] = len(index)
            stack.append(root)
            on.add(root)
            while work:
                node, rest = work[-1]
                for callee in rest:
                    if callee not in index:
                        index[callee] = low[callee] = len(index)
                        stack.append(callee)
                        on.add(callee)
                        work.append((callee, iter(self.calls[callee])))
                        break
                    if callee in on:
                        low[node] = min(low[node], index[callee])
                else:
                    work.pop()
                    if work:
                        above = work[-1][0]
                        low[above] = min(low[above], low[node])
                    if low[node] == index[node]:
                        part = set()
                        while node not in part:
                            part.add(stack.pop())
                        on -= part
                        out.append(part)
        return out

    def measure(self):
        """
        The bytes of the deepest path and its functions, and the cycles: sets
        of functions that call each other. A cycle counts once, whole.
        """
        deepest, below, cycles = {}, {}, []
        for part in self.components():
            size = sum(self.frame[f] for f in part)
            callees = set().union(*(self.calls[f] for f in part)) - part
            most = max(callees, key=lambda f: deepest[f], default=None)
            first = next(iter(part))
            for f in part:
                deepest[f] = size + (deepest[most] if most else 0)
                below[f] = most
            if len(part) > 1 or first in self.calls[first]:
                cycles.append(sorted({title for title, _ in part}))
        top = max(deepest, key=deepest.get)
        path = []
        f = top
        while f:
            path.append((f[0], self.frame[f]))
            f = below[f]
        return deepest[top], path, cycles
