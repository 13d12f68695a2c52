/*
 * cmd_label.c - shale label: show a volume's label, or give it another
 */
#include <string.h>

#include "shale/fs.h"
#include "tools.h"

/* Takes the label out of all that a volume says of itself. */
struct finder {
    struct shale_describe base;
    char label[4 * SHALE_LABEL_MAX];
};

static void find_text(struct shale_describe *to, const char *key,
                      const char *value)
{
    struct finder *finder = (struct finder *)to;

    if (!strcmp(key, "label"))
        snprintf(finder->label, sizeof finder->label, "%s", value);
}

static void ignore_number(struct shale_describe *to, const char *key,
                          uint64_t value)
{
    (void)to, (void)key, (void)value;
}

static void ignore_time(struct shale_describe *to, const char *key,
                        int64_t seconds)
{
    (void)to, (void)key, (void)seconds;
}

static void ignore_item(struct shale_describe *to, const char *key,
                        const char *value)
{
    (void)to, (void)key, (void)value;
}

static void show(struct volume *vol)
{
    struct finder finder = {
        .base = { find_text, ignore_number, ignore_time, ignore_item },
    };
    int err = shale_describe(vol->fs, &finder.base);

    if (err) {
        volume_fail(vol, NULL, err);
        return;
    }
    print_name(stdout, finder.label, strlen(finder.label));
    putchar('\n');
}

static void set(struct volume *vol, const char *label)
{
    int err = shale_set_label(vol->fs, label);

    if (err == SHALE_EINVAL)
        volume_fail_text(vol, NULL, "the label has a character that this "
                         "volume's cannot have");
    else if (err == SHALE_ENAMETOOLONG)
        volume_fail_text(vol, NULL, !strcmp(shale_fs_name(vol->fs), "fat")
                         ? "the label is too long (11 characters at most)"
                         : "the label is too long (16 bytes at most)");
    else if (err)
        volume_fail(vol, NULL, err);
}

static int cmd_label(int argc, char **argv)
{
    struct options options;
    struct volume vol;
    char **operands;
    int count, status;

    options_init(&options, &command_label, argc, argv);
    if (options_next(&options) != OPTIONS_END)
        return options.status;
    count = options_operands(&options, &operands);
    if (count > 2)
        return options_complain(&options, "one label at a time");
    status = count == 2
        ? volume_open_write(&vol, &options, operands, 1, "/")
        : volume_open(&vol, &options, operands, count, "/");
    if (status != STATUS_OK)
        return status;

    if (count == 2)
        set(&vol, operands[1]);
    else
        show(&vol);
    return finish_output(volume_close(&vol));
}

const struct command command_label = {
    .name     = "label",
    .run      = cmd_label,
    .operands = "IMAGE | IMAGE LABEL",
    .summary  = "show the volume's label, or set it",
    .details  = "An empty LABEL removes it.\n",
    .image    = true,
};
