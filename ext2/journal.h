/*
 * journal.h - what the files that use a journal call on each other
 *
 *     journal.c       when it is used: mount, marks, for want of room
 *     log.c           how a batch goes through it
 *     own_journal.c   how a volume without one gets it, and loses it
 */
#ifndef EXT2_JOURNAL_H
#define EXT2_JOURNAL_H

#include "write.h"

/* ----------------------------------------------------------- journal.c */

/* Memory for VOL's use of a journal, which has no blocks yet. */
int ext2_journal_alloc(struct ext2_volume *vol, struct ext2_journal **out);

/* --------------------------------------------------------------- log.c */

/*
 * Send batches through J from the next one on, its log being void. Which
 * features it has had does not matter any more: we use none.
 */
int ext2_log_start(struct ext2_journal *j);

/* Free what ext2_log_start() has allocated. */
void ext2_log_free(struct ext2_journal *j);

/* ------------------------------------------------------- own_journal.c */

/* Is the journal with the superblock RAW one of ours? */
bool ext2_own_known(const struct journal_disk_super *raw);

/* How many blocks should one have? 0: there is no room for it. */
int ext2_own_size(struct ext2_volume *vol, uint32_t *out);

/* Make one of COUNT blocks. RAW is the superblock in BUF, announced. */
int ext2_own_make(struct ext2_volume *vol, struct shale_buf *buf,
                  struct ext2_disk_super *raw, uint32_t count);

/* Remove J, which is one and not used any more. */
int ext2_own_remove(struct ext2_journal *j, struct ext2_disk_super *raw);

#endif /* EXT2_JOURNAL_H */
