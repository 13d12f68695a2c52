/*
 * checkjson.c - what a check found, for programs
 *
 * Offsets are bytes of the image; "volume_offset" is the same byte counted from
 * the volume's beginning. What is not known is null, never left out.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "checks.h"
#include "jsonout.h"

static void set_text(json_t *object, const char *key, const char *text)
{
    if (text)
        jsonout_text(object, key, text);
    else
        jsonout_set(object, key, json_null());
}

static void set_number(json_t *object, const char *key, bool known,
                       uint64_t value)
{
    if (known)
        jsonout_number(object, key, value);
    else
        jsonout_set(object, key, json_null());
}

static json_t *finding_json(const struct checkrun *run,
                            const struct shale_finding *finding)
{
    bool placed = finding->at != SHALE_NOWHERE;
    json_t *object = jsonout_new_object();

    jsonout_text(object, "code", finding->code->name);
    jsonout_text(object, "severity",
                 shale_severity_name(finding->code->severity));
    jsonout_text(object, "object", shale_object_name(finding->object));
    set_number(object, "number", finding->object != SHALE_OBJECT_VOLUME,
               finding->number);
    set_text(object, "path", finding->path);
    set_text(object, "name", finding->name);
    set_number(object, "offset", placed, run->place->start + finding->at);
    set_number(object, "volume_offset", placed, finding->at);
    set_number(object, "expected", finding->compared, finding->expected);
    set_number(object, "found", finding->compared, finding->found);
    jsonout_text(object, "sentence", finding->sentence);
    return object;
}

int checkjson_finding(struct checkrun *run,
                      const struct shale_finding *finding)
{
    struct checks *checks = (struct checks *)run;

    code_counts_add(&checks->counts, finding->code);
    if (!checks->findings)
        checks->findings = jsonout_new_array();
    jsonout_append(checks->findings, finding_json(run, finding));
    return 0;
}

/* How many there are, by severity and by code, and of what. */
static json_t *summary_json(struct checks *checks)
{
    const struct shale_check_result *result = &checks->run.result;
    json_t *object = jsonout_new_object(), *codes = jsonout_new_object();

    jsonout_number(object, "corruptions", result->findings[SHALE_CORRUPTION]);
    jsonout_number(object, "inconsistencies",
                   result->findings[SHALE_INCONSISTENCY]);
    jsonout_number(object, "advice", result->findings[SHALE_ADVICE]);
    jsonout_number(object, "untold", result->untold);
    code_counts_sort(&checks->counts);
    for (size_t i = 0; i < checks->counts.count; i++)
        jsonout_number(codes, checks->counts.list[i].code->name,
                       checks->counts.list[i].count);
    jsonout_set(object, "codes", codes);
    jsonout_number(object, "files", result->files);
    jsonout_number(object, "directories", result->directories);
    jsonout_number(object, "unit_size", result->unit_size);
    jsonout_number(object, "units", result->units);
    jsonout_number(object, "units_used", result->units_used);
    return object;
}

static json_t *stats_json(const struct checkrun *run)
{
    json_t *object = jsonout_new_object();

    jsonout_number(object, "bytes_read", run->result.bytes_read);
    jsonout_number(object, "memory_peak", run->result.memory_peak);
    set_text(object, "memory_formula", run->result.memory_formula);
    jsonout_set(object, "seconds", json_real(run->seconds));
    return object;
}

/* All about the volume but its findings. */
static json_t *volume_json(struct checks *checks)
{
    const struct checkrun *run = &checks->run;
    json_t *object = jsonout_new_object();

    set_number(object, "partition", run->place->part != 0, run->place->part);
    jsonout_number(object, "start", run->place->start);
    jsonout_number(object, "size", run->place->size);
    set_text(object, "type", run->result.type);
    jsonout_text(object, "verdict", checks_verdict(run));
    jsonout_bool(object, "complete", run->result.complete);
    set_text(object, "error", run->err ? shale_strerror(run->err) : NULL);
    jsonout_number(object, "exit", (unsigned)checkrun_status(run));
    jsonout_set(object, "summary", summary_json(checks));
    if (checks->stats)
        jsonout_set(object, "stats", stats_json(run));
    return object;
}

struct json_t *checkjson_end(struct checks *checks)
{
    json_t *object = volume_json(checks);

    jsonout_set(object, "findings", checks->findings ? checks->findings
                                                     : jsonout_new_array());
    checks->findings = NULL;
    return object;
}

/* OBJECT as a line, "kind" in front. */
static void print_line(const char *kind, json_t *object)
{
    json_t *line = jsonout_new_object();

    jsonout_text(line, "kind", kind);
    json_object_update(line, object);
    json_decref(object);
    json_dumpf(line, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(line);
}

int checkjson_line(struct checkrun *run, const struct shale_finding *finding)
{
    struct checks *checks = (struct checks *)run;
    json_t *object = finding_json(run, finding);

    code_counts_add(&checks->counts, finding->code);
    set_number(object, "partition", run->place->part != 0, run->place->part);
    print_line("finding", object);
    return ferror(stdout) ? SHALE_EIO : 0;
}

void checkjson_last_line(struct checks *checks)
{
    json_t *object = volume_json(checks);

    jsonout_text(object, "image", checks->run.image);
    print_line("volume", object);
}
