/*
 * judge.h - the format's own checker, run on a file
 */
#ifndef CHECK_JUDGE_H
#define CHECK_JUDGE_H

#include <stddef.h>

enum judgement {
    JUDGED_SOUND,
    JUDGED_ODD,                 /* it has told something, and ended with 0 */
    JUDGED_BAD,
    JUDGED_NOT,                 /* it crashed, or took too long */
};

/*
 * What NAME ("e2fsck" or "fsck.fat") says about the file at PATH, which it may
 * only read. SAID gets its words, but for those that it always says.
 */
enum judgement judge(const char *name, const char *path, char *said,
                     size_t size);

#endif /* CHECK_JUDGE_H */
