/*
 * checkjson.c - what a check found, for programs
 *
 * Offsets are bytes of the image; "volume_offset" is the same byte counted from
 * the volume's beginning. What is not known is null, never left out.
 *
 * The document is written as it comes, so a million findings take no memory:
 *
 *   { "image", "volumes": [ { "findings": [...], the rest }, ... ], the rest }
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "checks.h"
#include "jsonout.h"

static void set_text(struct json *object, const char *key, const char *text)
{
    if (text)
        jsonout_text(object, key, text);
    else
        json_set(object, key, json_null());
}

static unsigned hex_digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* A check shows a backslash as two, and what is no text as \xNN. */
void checkjson_name(struct json *object, const char *key, const char *shown)
{
    char *name, *end;

    if (!shown) {
        json_set(object, key, json_null());
        return;
    }
    end = name = xmalloc(strlen(shown));
    while (*shown) {
        if (*shown == '\\' && shown[1] == 'x') {
            *end++ = (char)(hex_digit(shown[2]) << 4 | hex_digit(shown[3]));
            shown += 4;
        } else {
            shown += *shown == '\\';
            *end++ = *shown++;
        }
    }
    jsonout_bytes(object, key, name, (size_t)(end - name));
    free(name);
}

static void set_number(struct json *object, const char *key, bool known,
                       uint64_t value)
{
    if (known)
        jsonout_number(object, key, value);
    else
        json_set(object, key, json_null());
}

static struct json *finding_json(const struct checkrun *run,
                                 const struct shale_finding *finding)
{
    bool placed = finding->at != SHALE_NOWHERE;
    struct json *object = json_new();

    jsonout_text(object, "code", finding->code->name);
    jsonout_text(object, "severity",
                 shale_severity_name(finding->code->severity));
    jsonout_text(object, "object", shale_object_name(finding->object));
    set_number(object, "number", finding->object != SHALE_OBJECT_VOLUME,
               finding->number);
    checkjson_name(object, "path", finding->path);
    checkjson_name(object, "name", finding->name);
    set_number(object, "offset", placed, run->place->start + finding->at);
    set_number(object, "volume_offset", placed, finding->at);
    set_number(object, "expected", finding->compared, finding->expected);
    set_number(object, "found", finding->compared, finding->found);
    jsonout_text(object, "sentence", finding->sentence);
    return object;
}

void checkjson_begin(const char *name)
{
    struct json *object = json_new();

    set_text(object, "image", name);
    fputs("{", stdout);
    json_write_members(object, "\n ", stdout);
    fputs(",\n \"volumes\": [", stdout);
    json_free(object);
}

/* Begin the object of a volume, and its findings. */
static void volume_begin(struct checks *checks)
{
    if (checks->begun)
        return;
    fputs(checks->apart ? ",\n {" : "\n {", stdout);
    fputs(checks->summary ? "\n  \"findings\": null"
                          : "\n  \"findings\": [", stdout);
    checks->begun = true;
}

int checkjson_finding(struct checkrun *run,
                      const struct shale_finding *finding)
{
    struct checks *checks = (struct checks *)run;
    struct json *object = finding_json(run, finding);

    volume_begin(checks);
    fputs(checks->some ? ",\n   " : "\n   ", stdout);
    json_write(object, false, stdout);
    json_free(object);
    checks->some = true;
    return output_failed() ? SHALE_EIO : 0;
}

/* How many there are, by severity and by code, and of what. */
static struct json *summary_json(struct checks *checks)
{
    const struct shale_check_result *result = &checks->run.result;
    struct json *object = json_new(), *codes = json_new();

    jsonout_number(object, "corruptions", result->findings[SHALE_CORRUPTION]);
    jsonout_number(object, "inconsistencies",
                   result->findings[SHALE_INCONSISTENCY]);
    jsonout_number(object, "advice", result->findings[SHALE_ADVICE]);
    jsonout_number(object, "untold", result->untold);
    code_counts_sort(&checks->counts);
    for (size_t i = 0; i < checks->counts.count; i++)
        jsonout_number(codes, checks->counts.list[i].code->name,
                       checks->counts.list[i].count);
    json_set(object, "codes", codes);
    jsonout_number(object, "files", result->files);
    jsonout_number(object, "directories", result->directories);
    jsonout_number(object, "unit_size", result->unit_size);
    jsonout_number(object, "units", result->units);
    jsonout_number(object, "units_used", result->units_used);
    return object;
}

static struct json *stats_json(const struct checkrun *run)
{
    struct json *object = json_new();

    jsonout_number(object, "bytes_read", run->result.bytes_read);
    jsonout_number(object, "memory_peak", run->result.memory_peak);
    set_text(object, "memory_formula", run->result.memory_formula);
    json_set(object, "seconds", json_seconds(run->seconds));
    return object;
}

/* All about the volume but its findings. */
static struct json *volume_json(struct checks *checks)
{
    const struct checkrun *run = &checks->run;
    struct json *object = json_new();

    set_number(object, "partition", run->place->part != 0, run->place->part);
    jsonout_number(object, "start", run->place->start);
    jsonout_number(object, "size", run->place->size);
    jsonout_number(object, "missing", run->place->missing);
    set_text(object, "type", run->result.type);
    set_text(object, "content", run->result.type ? run->result.type
                              : *run->place->content ? run->place->content
                                                     : NULL);
    jsonout_text(object, "verdict", checks_verdict(run));
    jsonout_bool(object, "complete", run->result.complete);
    jsonout_bool(object, "counted", run->result.counted);
    set_text(object, "error", checks->error ? checks->error
                            : checkrun_why(run));
    jsonout_number(object, "exit", (unsigned)checkrun_status(run));
    json_set(object, "summary", summary_json(checks));
    json_set(object, "stats", checks->stats && !run->passed
                             ? stats_json(run) : json_null());
    return object;
}

void checkjson_end(struct checks *checks)
{
    struct json *object = volume_json(checks);

    volume_begin(checks);
    fputs(checks->summary ? "," : "],", stdout);
    json_write_members(object, "\n  ", stdout);
    fputs("\n }", stdout);
    json_free(object);
}

/* Set what there is to say of an image at the end. */
static void set_image(struct json *object, int status, const char *error,
                      const char *in_use)
{
    jsonout_number(object, "exit", (unsigned)status);
    set_text(object, "error", error);
    set_text(object, "in_use", in_use);
}

void checkjson_last(int status, const char *error, const char *in_use)
{
    struct json *object = json_new();

    set_image(object, status, error, in_use);
    fputs("],", stdout);
    json_write_members(object, "\n ", stdout);
    fputs("\n}\n", stdout);
    json_free(object);
}

/* OBJECT as a line, "kind" in front. */
static void print_line(const char *kind, struct json *object)
{
    struct json *line = json_new();

    jsonout_text(line, "kind", kind);
    json_merge(line, object);
    json_write(line, false, stdout);
    putchar('\n');
    json_free(line);
}

int checkjson_line(struct checkrun *run, const struct shale_finding *finding)
{
    struct json *object = finding_json(run, finding);

    set_number(object, "partition", run->place->part != 0, run->place->part);
    print_line("finding", object);
    return output_failed() ? SHALE_EIO : 0;
}

void checkjson_volume_line(struct checks *checks)
{
    struct json *object = volume_json(checks);

    jsonout_text(object, "image", checks->run.image);
    print_line("volume", object);
}

void checkjson_last_line(const char *name, int status, const char *error,
                         const char *in_use)
{
    struct json *object = json_new();

    set_text(object, "image", name);
    set_image(object, status, error, in_use);
    print_line("image", object);
}
