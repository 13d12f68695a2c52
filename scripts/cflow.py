"""cflow - which functions a call through a pointer may reach, by the sources

Shale's pointers to functions go few ways: into a constant table or a field of
a struct, and down as an argument. So they are followed by name, through all
the sources at once:

    .slot = f            f is in slot, also where a macro is a list of these
    x->slot = f          likewise
    run(fs, f, x)        f is in run's second parameter, and from there in
                         whatever that is handed on to

A field is told from one of the same name by the file, if its struct is private
to that, and by how many arguments it is called with. What is reached in that
way may be more than can happen, and is never less, as long as nobody casts.
"""
import bisect
import re

TOKEN = re.compile(r'[A-Za-z_]\w*|->|[^\s\w]|\d\w*')
COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'])+\'',
                     re.S)
DIRECTIVE = re.compile(r'^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', re.M)
FIELD = re.compile(r'\(\s*\*\s*(?:const\s+)?(\w+)\s*\)\s*\(|\w+_fn\s*\*\s*(\w+)')
SLOTS = re.compile(r'[ \t]*#[ \t]*define[ \t]+\w+[ \t]*\\\n(?=[ \t]*\.)')
KEYWORDS = {'if', 'while', 'for', 'switch', 'return', 'sizeof', 'do', 'else',
            '_Static_assert', '_Alignas', 'defined'}


def blank(match):
    """Spaces in the place of a match; lines and columns stay."""
    return re.sub(r'[^\n]', ' ', match.group())


def directive(match):
    """The slots of a table, if it is a macro of these; else as blank()."""
    head = SLOTS.match(match.group())
    if not head:
        return blank(match)
    slots = match.group()[head.end():].replace('\\\n', ' \n')
    return blank(head) + slots + ';'


def split(tokens):
    """TOKENS at the commas outside of brackets."""
    parts, depth = [[]], 0
    for token in tokens:
        depth += (token in '([{') - (token in ')]}')
        if token == ',' and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts if parts != [[]] else []


def closing(tokens, at):
    """Where the bracket that opens at AT is closed."""
    depth = 0
    for i in range(at, len(tokens)):
        depth += (tokens[i] in '([{') - (tokens[i] in ')]}')
        if depth == 0:
            return i
    return len(tokens) - 1


def parameter(tokens):
    """The name that a parameter is declared by."""
    for i, token in enumerate(tokens):
        if token == '(' and tokens[i + 1:i + 2] == ['*']:
            return next((t for t in tokens[i + 2:] if t != 'const'), None)
    names = [t for t in tokens if re.match(r'[A-Za-z_]', t)]
    return names[-1] if len(names) > 1 else None


class Function:
    """One definition."""

    def __init__(self, path, name, parameters, body, lines):
        self.path, self.name, self.body = path, name, body
        self.parameters = parameters
        self.first, self.last = lines

    def key(self):
        """What tells it from others of its name."""
        return self.path, self.name


class Flow:
    """Where the functions of all files go."""

    def __init__(self, paths):
        self.lines = {}
        self.pointers = set()       # names declared as pointers to functions
        self.private = {}           # file -> those declared in it
        self.functions = {}         # (file, name) -> Function
        self.named = {}             # name -> Functions
        self.taken = {}             # file -> functions named and not called
        self.sites = {}             # (file, name) -> its calls
        self.into = {}              # place -> places and functions in it
        texts = {}
        for path in paths:
            text = COMMENT.sub(blank, path.read_text())
            text = DIRECTIVE.sub(directive, text)
            texts[str(path)] = list(TOKEN.finditer(text))
            self.lines[str(path)] = text.split('\n')
            names = {a or b for a, b in FIELD.findall(text)}
            self.pointers |= names
            if path.suffix == '.c':
                self.private[str(path)] = names
        self.structs = {}           # name -> its fields, in order
        for matches in texts.values():
            self._structs([match.group() for match in matches])
        outside = {path: self._define(path, tokens)
                   for path, tokens in texts.items()}
        for path, tokens in outside.items():
            self._assignments(path, None, tokens)
        for function in self.functions.values():
            self._assignments(function.path, function, function.body)
            self._arguments(function)
            self.taken.setdefault(function.path, set()).update(
                f.key() for t, after in zip(function.body, function.body[1:])
                if after != '(' for f in self._found(function.path, t))
        self.reached = self._solve()

    def _define(self, path, matches):
        """Note the functions of a file; what is outside of them."""
        tokens = [match.group() for match in matches]
        ends = [0]
        for line in self.lines[path]:
            ends.append(ends[-1] + len(line) + 1)
        outside, i = [], 0
        while i < len(tokens):
            if tokens[i] == '{':
                end = closing(tokens, i)
                head = self._head(outside)
                if head:
                    lines = [bisect.bisect_right(ends, matches[at].start())
                             for at in (i, end)]
                    f = Function(path, *head, tokens[i + 1:end], lines)
                    self.functions[f.key()] = f
                    self.named.setdefault(f.name, []).append(f)
                else:
                    outside += tokens[i:end]
                i = end
            outside.append(tokens[i])
            i += 1
        return outside

    def _structs(self, tokens):
        """Note the structs that TOKENS define."""
        for i in range(len(tokens) - 2):
            if tokens[i] == 'struct' and tokens[i + 2] == '{':
                fields, line = [], []
                for token in tokens[i + 3:closing(tokens, i + 2)]:
                    if token == ';':
                        fields += [parameter(part) or part[-1]
                                   for part in split(line) if part]
                        line = []
                    else:
                        line.append(token)
                self.structs[tokens[i + 1]] = fields

    def _positional(self, path, function, tokens):
        """{ a, f, g } of a struct: as if the fields were named."""
        for i, token in enumerate(tokens):
            if token != '{' or 'struct' not in tokens[max(i - 4, 0):i]:
                continue
            at = i - 1 - tokens[i - 1::-1].index('struct')
            fields = self.structs.get(tokens[at + 1], [])
            parts = split(tokens[i + 1:closing(tokens, i)])
            for field, part in zip(fields, parts):
                if part and part[0] not in '.[' and field in self.pointers:
                    self._add(('field',) + self._field(path, field), path,
                              function, part)

    @staticmethod
    def _head(tokens):
        """The name and parameters that TOKENS end with, or None."""
        if not tokens or tokens[-1] != ')':
            return None
        depth, i = 0, len(tokens)
        while i > 0:
            i -= 1
            depth += (tokens[i] in ')]') - (tokens[i] in '([')
            if depth == 0:
                break
        if i == 0 or not re.match(r'[A-Za-z_]', tokens[i - 1]):
            return None
        return (tokens[i - 1],
                [parameter(p) for p in split(tokens[i + 1:-1])])

    def _found(self, path, name):
        """The functions that NAME may be in the file at PATH."""
        own = self.functions.get((path, name))
        return [own] if own else self.named.get(name, [])

    def _field(self, path, name):
        """The place that a field called NAME is."""
        return (path if name in self.private.get(path, ()) else '', name)

    def _add(self, place, path, function, tokens):
        """What TOKENS name goes to PLACE."""
        for i, token in enumerate(tokens):
            called = tokens[i + 1:i + 2] == ['(']
            before = tokens[i - 1] if i else ''
            if called or not re.match(r'[A-Za-z_]', token):
                continue
            sources = self.into.setdefault(place, set())
            if before in ('->', '.'):
                if token in self.pointers:
                    sources.add(('field',) + self._field(path, token))
            elif function and token in function.parameters:
                if token in self.pointers:
                    sources.add(('value',) + function.key() + (token,))
            else:
                found = self._found(path, token)
                sources.update(('is',) + f.key() for f in found)
                if function and not found:
                    sources.add(('value',) + function.key() + (token,))

    def _assignments(self, path, function, tokens):
        self._positional(path, function, tokens)
        for i, token in enumerate(tokens):
            if token != '=' or i == 0 or tokens[i + 1:i + 2] == ['='] or \
                    tokens[i - 1] in '=!<>+-*/|&^%':
                continue
            left = tokens[i - 1]
            if tokens[i - 2:i] == ['[', ']'] and i > 2:
                left = tokens[i - 3]
            end, depth = i + 1, 0
            while end < len(tokens):
                depth += (tokens[end] in '([{') - (tokens[end] in ')]}')
                if depth < 0 or (depth == 0 and tokens[end] in ',;'):
                    break
                end += 1
            right = tokens[i + 1:end]
            if i > 1 and tokens[i - 2] in ('->', '.'):
                self._add(('field',) + self._field(path, left), path, function,
                          right)
            elif function:
                self._add(('value',) + function.key() + (left,), path,
                          function, right)

    def _arguments(self, function):
        body = function.body
        for i, token in enumerate(body):
            if token != '(' or i == 0 or body[i - 1] in KEYWORDS or \
                    not re.match(r'[A-Za-z_]', body[i - 1]):
                continue
            arguments = split(body[i + 1:closing(body, i)])
            place = self._callee(function, body, i - 1)
            self.sites.setdefault(function.key(), []).append((place,
                                                              arguments))
            for n, argument in enumerate(arguments):
                self._add(('argument',) + place + (n, len(arguments)),
                          function.path, function, argument)

    def _callee(self, function, body, i):
        """The place that the name at I of BODY, which is called, is."""
        if i > 0 and body[i - 1] in ('->', '.'):
            return ('field',) + self._field(function.path, body[i])
        return ('value',) + function.key() + (body[i],)

    def _direct(self, place):
        """The functions that a called name is by itself."""
        if place[0] == 'value' and \
                place[3] not in self.functions[place[1:3]].parameters:
            return self._found(place[1], place[3])
        return []

    def _solve(self):
        """{place: functions in it}."""
        reached = {}
        work = True
        while work:
            work = False
            extra = {}
            for place in list(self.into):
                if place[0] != 'argument':
                    continue
                callee, n, count = place[1:-2], place[-2], place[-1]
                targets = {f.key() for f in self._direct(callee)}
                targets |= reached.get(callee, set())
                for key in targets:
                    f = self.functions[key]
                    if len(f.parameters) == count and f.parameters[n]:
                        extra.setdefault(('value',) + key
                                         + (f.parameters[n],),
                                         set()).add(place)
            for place in set(self.into) | set(extra):
                now = set()
                for source in self.into.get(place, set()) | \
                        extra.get(place, set()):
                    if source[0] == 'is':
                        now.add(source[1:])
                    else:
                        now |= reached.get(source, set())
                if not now <= reached.get(place, set()):
                    reached[place] = reached.get(place, set()) | now
                    work = True
        return reached

    def site(self, place):
        """
        The call at FILE:LINE:COLUMN: in which function, what place is called,
        and with what arguments. None if there is none.
        """
        if place.count(':') < 2:
            return None
        path, line, column = place.rsplit(':', 2)
        at, back = int(line) - 1, int(column) - 1
        around = next((f for f in self.functions.values() if f.path == path
                       and f.first <= at + 1 <= f.last), None)
        if not around:
            return None
        text = ' '.join([self.lines[path][at][back:]]
                        + self.lines[path][at + 1:at + 12])
        tokens = TOKEN.findall(text)
        name = next((i - 1 for i, t in enumerate(tokens) if t == '('
                     and i > 0 and re.match(r'[\w\]]', tokens[i - 1])), None)
        if name is None:
            return None
        arguments = split(tokens[name + 2:closing(tokens, name + 1)])
        while not re.match(r'[A-Za-z_]', tokens[name]):
            depth = 0           # x[i](...): x is the name
            while True:
                depth += (tokens[name] == ']') - (tokens[name] == '[')
                name -= 1
                if depth == 0:
                    break
        return around, self._callee(around, tokens, name), arguments

    def _within(self, key):
        """The functions of a file that one of them can come to, by name."""
        found, work = set(), [key]
        while work:
            key = work.pop()
            if key not in found:
                found.add(key)
                work += [f.key() for place, _ in self.sites.get(key, [])
                         for f in self._direct(place) if f.path == key[0]]
        return found

    def _value(self, own, bound, key, name, seen=()):
        """
        The functions that parameter NAME of KEY is, where KEY is OWN, whose
        parameters are BOUND, or has been made a part of it; None: anything.
        """
        if key == own:
            return bound.get(name)
        if key in seen or name not in self.functions[key].parameters:
            return None
        n, result = self.functions[key].parameters.index(name), set()
        for caller in self._within(own):
            for place, arguments in self.sites.get(caller, []):
                if key not in {f.key() for f in self._direct(place)}:
                    continue
                value = self._argument(own, bound, caller, arguments[n],
                                       seen + (key,))
                if not value:
                    return None
                result |= value
        return frozenset(result)

    def _argument(self, own, bound, caller, argument, seen=()):
        """The functions that ARGUMENT is in CALLER; None: anything."""
        if len(argument) != 1:
            return None
        if argument[0] in self.functions[caller].parameters:
            return self._value(own, bound, caller, argument[0], seen)
        return frozenset(f.key() for f in self._found(caller[0], argument[0]))

    def targets(self, site, own, bound):
        """
        Functions that SITE, a call through a pointer, may reach in function
        OWN, whose parameters are BOUND.
        """
        caller, callee, arguments = site
        reached = None
        if callee[0] == 'value':
            reached = self._value(own, bound, caller.key(), callee[-1])
        if not reached:
            reached = self.reached.get(callee)
        if not reached and callee[1] and callee[0] == 'field':
            reached = self.taken.get(callee[1], set())
        return {key for key in reached or ()
                if len(self.functions[key].parameters) == len(arguments)}

    def bind(self, site, own, bound, key):
        """
        {parameter: functions} of the function at KEY when SITE calls it in
        function OWN, as far as that is known there.
        """
        caller, _, arguments = site
        target, result = self.functions[key], {}
        if len(arguments) != len(target.parameters):
            return result
        for name, argument in zip(target.parameters, arguments):
            if name in self.pointers:
                value = self._argument(own, bound, caller.key(), argument)
                if value:
                    result[name] = value
        return result
