/*
 * cmd_info.c - shale info: what is in an image
 *
 * Gathers everything first: the image, its partition table with what each
 * partition holds, and the volume, if one was chosen or there is only one.
 * Then renders it as text or as one JSON document. What is special to a format
 * comes from its driver as keys and values, and is shown as it comes.
 */
#include <stdlib.h>

#include "info.h"

/*
 * Say that there is no volume, and WHY. Who asks for the memory of a mount may
 * have named a file in it, which is taken for an image.
 */
static void complain(const struct info *info, const char *why)
{
    char *root = info->mem ? info_mount_of(info->vol.name) : NULL;

    if (root)
        report("%s: %s; what is mounted at %s is asked by that name",
               info->vol.name, why, root);
    else
        report("%s: %s", info->vol.name, why);
    free(root);
}

/* Read size and table; leaves nothing open. STATUS_OK, or having said so. */
static int gather_image(struct info *info)
{
    struct shale_image_config config = {
        .path = info->vol.name,
        .log = &info->vol.log,
    };
    char why[SHALE_WHY_MAX] = "";
    struct shale_image *image;
    int err = shale_image_open_raw(&config, &image, why);

    if (err) {
        complain(info, *why ? why : shale_strerror(err));
        return STATUS_USAGE;
    }
    info->vol.image = image;
    info->size = shale_file_bdev(image->file)->size;
    info->whole_known = table_content(image, 0, info->size, info->content);
    err = table_load(image, &info->table);
    if (err)
        volume_fail(&info->vol, NULL, err);
    /* A boot sector ends as a table of partitions does. */
    if ((info->whole_known || info->content[0]) &&
        info->table.info.kind == SHALE_TABLE_MBR && info->table.count == 0)
        info->table.info.kind = SHALE_TABLE_NONE;
    info->vol.image = NULL;
    shale_image_close(image);
    return STATUS_OK;
}

/*
 * Is there a volume to tell about? A table with none, or with several of which
 * none was chosen, is an answer; an image without one has to have a volume.
 */
static bool volume_expected(const struct info *info)
{
    const struct shale_image_config *config = &info->options->image;

    return config->part || config->has_offset || config->type ||
           config->options || info->whole_known ||
           info->table.info.kind == SHALE_TABLE_NONE || info->table.known == 1;
}

/* Mount the volume. Failure is told, and all else still shown. */
static void gather_volume(struct info *info)
{
    struct shale_image_config config = info->options->image;
    char why[SHALE_WHY_MAX] = "";
    struct shale_image *image;
    int err;

    config.path = info->vol.name;
    config.log = &info->vol.log;
    config.unreplayed = true;
    if (info->mem)
        info_mem_configure(&config);
    err = shale_image_open(&config, &image, why);
    if (err) {
        complain(info, *why ? why : shale_strerror(err));
        info->vol.status = STATUS_USAGE;
        return;
    }
    info->vol.image = image;
    info->vol.fs = image->fs;
}

/* Of a mount. It is one volume, which has been chosen and mounted already. */
static int mounted(const struct info *info, const char *dir)
{
    const struct shale_image_config *config = &info->options->image;

    if (config->part || config->has_offset || config->size_limit ||
        config->type || config->options)
        return options_complain(info->options,
                                "%s is a directory: an option that chooses a "
                                "volume is for an image", dir);
    return finish_output(info_mem_mounted(dir, info->json));
}

enum { OPTION_JSON = OPTION_LONG, OPTION_MEM };

static const struct command_option options_info[] = {
    { OPTION_JSON, "json", NULL, "one JSON object" },
    { OPTION_MEM, "mem", NULL, "memory that mounting takes, or a mount has" },
    { 0, NULL, NULL, NULL },
};

static int cmd_info(int argc, char **argv)
{
    struct options options;
    struct info info = { .options = &options };
    char **operands;
    int letter, count, status;

    options_init(&options, &command_info, argc, argv);
    while ((letter = options_next(&options)) >= 0)
        *(letter == OPTION_MEM ? &info.mem : &info.json) = true;
    if (letter == OPTIONS_STOP)
        return options.status;
    count = options_operands(&options, &operands);
    if (count > 1)
        return options_complain(&options, "one image at a time");
    if (info.mem && count == 1 && info_is_directory(operands[0]))
        return mounted(&info, operands[0]);
    status = volume_parse(&info.vol, &options, operands, count, "/");
    if (status != STATUS_OK)
        return status;

    info.vol.status = gather_image(&info);
    if (info.vol.status != STATUS_USAGE) {
        if (info.mem || volume_expected(&info))
            gather_volume(&info);
        if (info.mem)
            info_mem_image(&info);
        else if (info.json)
            info_show_json(&info);
        else
            info_show_text(&info);
    }
    table_free(&info.table);
    return finish_output(volume_close(&info.vol));
}

const struct command command_info = {
    .name     = "info",
    .run      = cmd_info,
    .operands = "IMAGE|DIR",
    .summary  = "describe the image, its partitions and the volume",
    .options  = options_info,
    .image    = true,
};
