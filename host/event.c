/*
 * event.c - a volume's events in words
 *
 * One line each, whatever is in it: details may be names read from a disk, so
 * control characters come out as question marks.
 */
#include <inttypes.h>
#include <stdio.h>

#include "host/text.h"
#include "shale/host.h"

void shale_event_text(const struct shale_event *event, uint64_t base,
                      char *buf, size_t size)
{
    bool has_place = event->at != SHALE_NOWHERE &&
                     event->at < UINT64_MAX - base;

    if (size == 0)
        return;
    buf[0] = '\0';
    text_add(buf, size, "%s", event->what ? event->what : "unknown event");
    if (event->detail && event->detail[0])
        text_add(buf, size, ": %s", event->detail);

    if (event->ino && has_place)
        text_add(buf, size, " (inode %" PRIu64 ", byte %" PRIu64
                 " of the image)", event->ino, base + event->at);
    else if (event->ino)
        text_add(buf, size, " (inode %" PRIu64 ")", event->ino);
    else if (has_place)
        text_add(buf, size, " (byte %" PRIu64 " of the image)",
                 base + event->at);
}
