/*
 * json.c - JSON values: made, put together, written, freed
 *
 * A value is one struct; what an object or a list holds is chained to it, in
 * the order in which it came. That is all that a program needs that only writes
 * JSON (RFC 8259). Documents are as deep as the code that makes them, so
 * walking them may recurse.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "tools.h"

enum kind { OBJECT, ARRAY, WORD, NUMBER, SECONDS, TEXT };

struct json {
    enum kind kind;
    char *key;                  /* in an object */
    struct json *next;          /* in an object or a list */
    union {
        struct {
            struct json *first, *last;
        };
        const char *word;       /* null, true, false */
        uint64_t number;
        double seconds;
        struct {
            char *text;
            size_t len;
        };
    };
};

static struct json *create(enum kind kind)
{
    struct json *value = xmalloc(sizeof *value);

    memset(value, 0, sizeof *value);
    value->kind = kind;
    return value;
}

struct json *json_object(void)
{
    return create(OBJECT);
}

struct json *json_array(void)
{
    return create(ARRAY);
}

static struct json *word(const char *text)
{
    struct json *value = create(WORD);

    value->word = text;
    return value;
}

struct json *json_null(void)
{
    return word("null");
}

struct json *json_bool(bool value)
{
    return word(value ? "true" : "false");
}

struct json *json_number(uint64_t number)
{
    struct json *value = create(NUMBER);

    value->number = number;
    return value;
}

struct json *json_seconds(double seconds)
{
    struct json *value = create(SECONDS);

    value->seconds = seconds;
    return value;
}

struct json *json_bytes(const char *text, size_t len)
{
    struct json *value = create(TEXT);

    value->text = xmalloc(len);
    value->len = len;
    memcpy(value->text, text, len);
    return value;
}

struct json *json_text(const char *text)
{
    return json_bytes(text, strlen(text));
}

/* ------------------------------------------------------------- together */

void json_append(struct json *list, struct json *value)
{
    if (list->last)
        list->last->next = value;
    else
        list->first = value;
    list->last = value;
}

void json_set(struct json *object, const char *key, struct json *value)
{
    value->key = xstrdup(key);
    json_append(object, value);
}

void json_merge(struct json *object, struct json *from)
{
    if (from->first) {
        json_append(object, from->first);
        object->last = from->last;
        from->first = NULL;
    }
    json_free(from);
}

struct json *json_get(const struct json *object, const char *key)
{
    for (struct json *each = object->first; each; each = each->next)
        if (!strcmp(each->key, key))
            return each;
    return NULL;
}

void json_free(struct json *value)
{
    if (!value)
        return;
    if (value->kind == OBJECT || value->kind == ARRAY)
        for (struct json *each = value->first, *next; each; each = next) {
            next = each->next;
            json_free(each);
        }
    else if (value->kind == TEXT)
        free(value->text);
    free(value->key);
    free(value);
}

/* -------------------------------------------------------------- written */

/* RFC 8259, section 7: quotes, backslashes and controls are escaped. */
static void write_text(const char *text, size_t len, FILE *to)
{
    static const char letters[] = "btn_fr";     /* of 0x08 to 0x0d */

    putc('"', to);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c == '"' || c == '\\')
            fprintf(to, "\\%c", c);
        else if (c >= 0x08 && c <= 0x0d && c != 0x0b)
            fprintf(to, "\\%c", letters[c - 0x08]);
        else if (c < 0x20 || c == 0x7f)
            fprintf(to, "\\u%04x", c);
        else
            putc(c, to);
    }
    putc('"', to);
}

static void write_value(const struct json *value, int indent, FILE *to);

static void new_line(int indent, FILE *to)
{
    if (indent >= 0)
        fprintf(to, "\n%*s", 2 * indent, "");
}

/* What is between the brackets, at INDENT; that is negative on one line. */
static void write_members(const struct json *value, int indent, FILE *to)
{
    int inner = indent < 0 ? indent : indent + 1;

    for (const struct json *each = value->first; each; each = each->next) {
        new_line(inner, to);
        if (value->kind == OBJECT) {
            write_text(each->key, strlen(each->key), to);
            fputs(indent < 0 ? ":" : ": ", to);
        }
        write_value(each, inner, to);
        if (each->next)
            putc(',', to);
    }
    if (value->first)
        new_line(indent, to);
}

static void write_value(const struct json *value, int indent, FILE *to)
{
    switch (value->kind) {
    case OBJECT:
    case ARRAY:
        putc(value->kind == OBJECT ? '{' : '[', to);
        write_members(value, indent, to);
        putc(value->kind == OBJECT ? '}' : ']', to);
        break;
    case WORD:
        fputs(value->word, to);
        break;
    case NUMBER:
        fprintf(to, "%" PRIu64, value->number);
        break;
    case SECONDS:
        fprintf(to, "%.6f", value->seconds);
        break;
    case TEXT:
        write_text(value->text, value->len, to);
        break;
    }
}

void json_write(const struct json *value, bool indented, FILE *to)
{
    write_value(value, indented ? 0 : -1, to);
}
