/*
 * progress.h - how far a copy or a check is, on a terminal
 */
#ifndef SHALE_PROGRESS_H
#define SHALE_PROGRESS_H

#include <stdint.h>

/* Show a bar on stderr for TOTAL bytes in FILES files from now on. */
void progress_start(uint64_t total, uint64_t files);

/* BYTES more are done; redraws at most ten times a second. */
void progress_bytes(uint64_t bytes);

/* One more file is done. */
void progress_file(void);

/*
 * Show a bar on stderr for work whose PHASES have nothing in common: this one,
 * called WHAT, is at DONE of TOTAL. To be ended by progress_hide().
 */
void progress_phase(unsigned phase, unsigned phases, const char *what,
                    uint64_t done, uint64_t total);

/* Take the bar off the screen, for a message; the next update redraws it. */
void progress_hide(void);

/* Show how it ended, and go to the next line. */
void progress_end(void);

#endif /* SHALE_PROGRESS_H */
