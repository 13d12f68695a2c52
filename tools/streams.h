/*
 * streams.h - the streams of files, as entries of a listing
 */
#ifndef SHALE_TOOLS_STREAMS_H
#define SHALE_TOOLS_STREAMS_H

#include "listing.h"
#include "tools.h"

/* Entries of a listing, and behind each one its streams. */
struct streams {
    struct listing_entry *entries;      /* the names of streams are this one's,
                                           the others the listing's */
    size_t count, capacity;
};

/* Does VOL's format have streams? If not, says so. */
bool streams_possible(struct volume *vol);

/*
 * Fill *OUT, which is new, with the COUNT ENTRIES of directory DIR (for
 * messages; or NULL) and their streams: "file:stream", of type FILE.
 */
void streams_add(struct volume *vol, const char *dir,
                 const struct listing_entry *entries, size_t count,
                 struct streams *out);
void streams_free(struct streams *streams);

#endif /* SHALE_TOOLS_STREAMS_H */
