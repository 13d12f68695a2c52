/*
 * calls.h - what the files of calls.c share
 */
#ifndef CALLS_H
#define CALLS_H

#include <sys/types.h>

/* Say what a call of that text came to: its result, or its error's name. */
#define SAY(call) say(#call, (long)(call))
void say(const char *call, long result);

void chapter(const char *title);

/* Make a file of that mode and TEXT, and leave it open. */
int make(const char *path, mode_t mode, const char *text);

/* Say what is at PATH. */
void show(const char *path);

/* calls_data.c: calls about files' data, who else uses it, and its space */
void data_calls(void);
void space_calls(void);

#endif /* CALLS_H */
