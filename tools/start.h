/*
 * start.h - what the programs of this folder begin with
 */
#ifndef SHALE_TOOLS_START_H
#define SHALE_TOOLS_START_H

/*
 * Open what of stdin, stdout and stderr is closed, let a limit of sizes be an
 * error, take the user's characters and language, and find out whether stdout
 * is a terminal.
 */
void program_start(void);

#endif /* SHALE_TOOLS_START_H */
