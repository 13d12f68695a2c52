/*
 * cmd_attr.c - shale attr: the DOS attributes of files
 *
 * As attrib of DOS has them: read-only, hidden, system, archive. `+h -r` are
 * an operand and an option here; the former are taken out of the command line
 * before getopt(3) sees it.
 */
#include <stdlib.h>
#include <string.h>

#include "each.h"
#include "jsonout.h"

static const struct attribute {
    char letter;
    uint32_t flag;              /* see SHALE_TRAIT_DOS_FLAGS */
    const char *key;
} attributes[] = {
    { 'r', 0x01, "read_only" },
    { 'h', 0x02, "hidden" },
    { 's', 0x04, "system" },
    { 'a', 0x20, "archive" },
};

#define ATTRIBUTE_COUNT (sizeof attributes / sizeof attributes[0])

struct attr_run {
    struct volume vol;
    bool json, recurse;
    uint32_t set, clear;
    struct jsonout_array array;
};

static uint32_t flag_of(int letter)
{
    for (size_t i = 0; i < ATTRIBUTE_COUNT; i++)
        if (attributes[i].letter == letter)
            return attributes[i].flag;
    return 0;
}

/*
 * Take the words such as "+rh" out of ARGV, up to a "--", and add up what they
 * set. Returns how many words are left.
 */
static int take_plus(int argc, char **argv, uint32_t *set)
{
    int left = 0, i;

    for (i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *letters = argv[i] + 1;

        if (*argv[i] != '+' || !*letters ||
            letters[strspn(letters, "rhsa")] != '\0') {
            argv[left++] = argv[i];
            continue;
        }
        while (*letters)
            *set |= flag_of(*letters++);
    }
    while (i < argc)
        argv[left++] = argv[i++];
    argv[left] = NULL;
    return left;
}

static void show(struct attr_run *run, const char *path, uint32_t flags)
{
    char letters[ATTRIBUTE_COUNT + 1] = "";
    struct json *object;

    if (run->json) {
        object = json_new();
        jsonout_text(object, "path", path);
        jsonout_number(object, "flags", flags);
        for (size_t i = 0; i < ATTRIBUTE_COUNT; i++)
            jsonout_bool(object, attributes[i].key,
                         (flags & attributes[i].flag) != 0);
        jsonout_item(&run->array, object);
        return;
    }
    for (size_t i = 0; i < ATTRIBUTE_COUNT; i++)
        letters[i] = flags & attributes[i].flag ? attributes[i].letter : '-';
    printf("%s  ", letters);
    print_name(stdout, path, strlen(path));
    putchar('\n');
}

/* Change the attributes of VN as asked, or show them. */
static void handle(void *context, struct shale_vnode *vn, const char *path)
{
    struct attr_run *run = context;
    struct shale_setattr what = { .valid = SHALE_SET_FLAGS };
    struct shale_attr attr;
    int err;

    /* The root has no entry, and so no attributes. */
    if (shale_vnode_ino(vn) == shale_root_ino(run->vol.fs)) {
        if (!run->recurse)
            volume_fail_text(&run->vol, path, "the root has no attributes");
        return;
    }
    err = shale_getattr(vn, &attr);
    if (!err && !run->set && !run->clear) {
        show(run, path, attr.flags);
        return;
    }
    what.flags = (attr.flags | run->set) & ~run->clear;
    if (!err && what.flags != attr.flags)
        err = shale_setattr(vn, &what);
    if (err)
        volume_fail(&run->vol, path, err);
}

static void handle_path(struct attr_run *run, const char *path)
{
    each_file(&run->vol, path,
              EACH_NOFOLLOW | (run->recurse ? EACH_RECURSE : 0), handle, run);
}

enum { OPTION_JSON = OPTION_LONG };

static const struct command_option options_attr[] = {
    { 'r', NULL, NULL, "clear read-only; +r sets it, and so on" },
    { 'h', NULL, NULL, "clear hidden" },
    { 's', NULL, NULL, "clear system" },
    { 'a', NULL, NULL, "clear archive" },
    { 'R', "recursive", NULL, "with all that is in directories" },
    { OPTION_JSON, "json", NULL, "one JSON array with an object a file" },
    { 0, NULL, NULL, NULL },
};

static int cmd_attr(int argc, char **argv)
{
    struct attr_run run = { .json = false };
    struct options options;
    char **operands;
    int letter, count, status;

    argc = take_plus(argc, argv, &run.set);
    options_init(&options, &command_attr, argc, argv);
    while ((letter = options_next(&options)) >= 0) {
        if (letter == 'R')
            run.recurse = true;
        else if (letter == OPTION_JSON)
            run.json = true;
        else
            run.clear |= flag_of(letter);
    }
    if (letter == OPTIONS_STOP)
        return options.status;
    if (run.set & run.clear)
        return options_complain(&options, "set or clear, but not both");
    if (run.json && (run.set || run.clear))
        return options_complain(&options, "--json shows, and changes nothing");
    count = options_operands(&options, &operands);
    status = run.set || run.clear
        ? volume_open_write(&run.vol, &options, operands, count, NULL)
        : volume_open(&run.vol, &options, operands, count, NULL);
    if (status != STATUS_OK)
        return status;

    if (!(shale_fs_traits(run.vol.fs) & SHALE_TRAIT_DOS_FLAGS)) {
        report("%s: files of %s have no DOS attributes", run.vol.name,
               shale_fs_name(run.vol.fs));
        run.vol.status = STATUS_USAGE;
        return volume_close(&run.vol);
    }
    if (run.json)
        jsonout_begin(&run.array);
    for (int i = 0; i < run.vol.path_count; i++)
        handle_path(&run, run.vol.paths[i]);
    if (run.json)
        jsonout_end(&run.array);
    return finish_output(volume_close(&run.vol));
}

const struct command command_attr = {
    .name     = "attr",
    .run      = cmd_attr,
    .operands = "[+rhsa] IMAGE:PATH [PATH...] | [+rhsa] IMAGE PATH...",
    .summary  = "show DOS attributes, or change them",
    .details  =
        "The attributes are r (read-only), h (hidden), s (system) and\n"
        "a (archive): +h sets one, -h clears it. With neither, they are "
        "shown.\n",
    .options  = options_attr,
    .image    = true,
};
