/* suite.h - what a test program gives to main.c */
#ifndef SUPPORT_SUITE_H
#define SUPPORT_SUITE_H

#include <check.h>

Suite *suite(void);

#endif /* SUPPORT_SUITE_H */
