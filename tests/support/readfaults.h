/*
 * readfaults.h - everything that can fail while a volume is read, fails once
 *
 * One round mounts a golden image, exercises all of it and unmounts. The round
 * is repeated with the first allocation failing, then the second, and so on,
 * and likewise with every request to the device. Each time the errors seen are
 * the right one and no other, nothing is left allocated, and the same mount,
 * asked again, shows the volume as if nothing had been.
 */
#ifndef SUPPORT_READFAULTS_H
#define SUPPORT_READFAULTS_H

#include <check.h>
#include <stddef.h>
#include <stdint.h>

#define READFAULTS_MEMORY ((size_t)1 << 20)

struct readfaults_plan {
    const char *name;           /* of the suite */
    const char *golden;         /* the image: images/NAME.img.gz */
    const char *options;        /* the driver's, or NULL */
    uint64_t files;             /* it has more than so many */
    size_t memory[3];           /* bytes of which each is enough */
    uint64_t all, step;         /* rounds of which each is run, and which of
                                   the rest: every so many */
};

/* The suite of PLAN, which stays its owner's. */
Suite *readfaults_suite(const struct readfaults_plan *plan);

#endif /* SUPPORT_READFAULTS_H */
