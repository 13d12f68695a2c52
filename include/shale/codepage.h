/*
 * codepage.h - the code pages of FAT's short names
 *
 * Like drivers they are chosen by naming them, in struct shale_config: those
 * of two bytes a character take 35 to 50 KB each. Code page 437 is always
 * there; mount option "codepage" says which one a volume uses.
 */
#ifndef SHALE_CODEPAGE_H
#define SHALE_CODEPAGE_H

#ifdef __cplusplus
extern "C" {
#endif

struct shale_codepage;

/* Of one byte a character. */
extern const struct shale_codepage shale_codepage_437, shale_codepage_720,
    shale_codepage_737, shale_codepage_775, shale_codepage_850,
    shale_codepage_852, shale_codepage_855, shale_codepage_857,
    shale_codepage_858, shale_codepage_860, shale_codepage_861,
    shale_codepage_862, shale_codepage_863, shale_codepage_864,
    shale_codepage_865, shale_codepage_866, shale_codepage_869,
    shale_codepage_874, shale_codepage_1250, shale_codepage_1251,
    shale_codepage_1252, shale_codepage_1253, shale_codepage_1254,
    shale_codepage_1255, shale_codepage_1256, shale_codepage_1257,
    shale_codepage_1258;

/* Japanese, simplified Chinese, Korean, traditional Chinese. */
extern const struct shale_codepage shale_codepage_932, shale_codepage_936,
    shale_codepage_949, shale_codepage_950;

/* Every one of them, then NULL. */
extern const struct shale_codepage *const shale_all_codepages[];

#ifdef __cplusplus
}
#endif

#endif /* SHALE_CODEPAGE_H */
