/*
 * checkcodes.c - what the codes of findings mean
 *
 * The tables of the checkers say it all: each rule, and what may be lost where
 * it is broken. `--explain all` prints them as Markdown, which is
 * docs/check-codes.md.
 */
#include <string.h>
#include <unistd.h>

#include "checks.h"
#include "terminal.h"

void checkcodes_wrapped(const char *text, size_t at, size_t indent,
                        size_t width)
{
    size_t gap = 1;

    while (*text) {
        size_t word = strcspn(text, " ");

        if (at > indent && at + gap + word > width) {
            printf("\n%*s", (int)indent, "");
            at = indent;
        } else if (at > indent) {
            printf("%*s", (int)gap, "");
            at += gap;
        }
        printf("%.*s", (int)word, text);
        at += word;
        text += word;
        gap = strspn(text, " ");
        text += gap;
    }
    putchar('\n');
}

/*
 * SENTENCE with words where a finding has numbers, a QUOTE on either side, in
 * OUT of SIZE bytes.
 */
static void sentence_pattern(const char *sentence, char quote, char *out,
                             size_t size)
{
    static const struct {
        const char *name, *word;
    } places[] = {
        { "object", "OBJECT" }, { "n", "NUMBER" }, { "o", "OTHER" },
        { "e", "EXPECTED" },    { "f", "FOUND" },  { "name", "NAME" },
    };
    size_t at = 0;

    out[at++] = quote;
    while (*sentence && at + 2 < size) {
        const char *end = *sentence == '{' ? strchr(sentence, '}') : NULL;
        size_t len = end ? strcspn(sentence + 1, ":}") : 0;
        const char *word = NULL;

        for (size_t i = 0; end && i < sizeof places / sizeof places[0]; i++)
            if (strlen(places[i].name) == len &&
                !strncmp(places[i].name, sentence + 1, len))
                word = places[i].word;
        if (word) {
            int more = snprintf(out + at, size - at, "%s", word);

            at += (size_t)more < size - at - 1 ? (size_t)more : size - at - 2;
            sentence = end + 1;
        } else {
            out[at++] = *sentence++;
        }
    }
    out[at++] = quote;
    out[at] = '\0';
}

static void explain_plain(const struct shale_check_code *code)
{
    size_t width = terminal_width(STDOUT_FILENO);
    char pattern[512];

    if (width > CHECKS_WIDTH)
        width = CHECKS_WIDTH;

    sentence_pattern(code->sentence, '"', pattern, sizeof pattern);
    printf("%s (%s)\n  ", code->name, shale_severity_name(code->severity));
    checkcodes_wrapped(pattern, 2, 2, width);
    fputs("\n  ", stdout);
    checkcodes_wrapped(code->meaning, 2, 2, width);
    fputs("\n  At stake:", stdout);
    checkcodes_wrapped(code->danger, 11, 2, width);
}

static void explain_markdown(const struct shale_check_code *code)
{
    const char *severity = shale_severity_name(code->severity);
    char pattern[512];

    sentence_pattern(code->sentence, '*', pattern, sizeof pattern);
    printf("\n### `%s`\n\n%s:", code->name, severity);
    checkcodes_wrapped(pattern, strlen(severity) + 1, 0, CHECKS_WIDTH);
    putchar('\n');
    checkcodes_wrapped(code->meaning, 0, 0, CHECKS_WIDTH);
    fputs("\nAt stake:", stdout);
    checkcodes_wrapped(code->danger, 9, 0, CHECKS_WIDTH);
}

static const char intro[] =
    "# What `shale check` finds\n"
    "\n"
    "Every code that a finding can have, what it means, and what is at stake\n"
    "if nobody acts. Codes never change their names. *Corruption* is where\n"
    "data is lost, or will be if it is used; *inconsistency* where two\n"
    "records of one fact disagree, and no data is at stake yet; either makes\n"
    "the exit status 4. *Advice* does not: the volume is sound, but somebody\n"
    "should know.\n"
    "\n"
    "`shale check --explain CODE` prints an entry. This file is what\n"
    "`shale check --explain all` prints: it is made from the checkers' own\n"
    "tables (`check/codes.def` and its like) by `ninja check-codes`, and a\n"
    "test sees to it that it is up to date.\n";

/* The chapter of CHECKER's codes; of those that all share if it is NULL. */
static void explain_chapter(const struct shale_checker *checker)
{
    const struct shale_check_code *code;

    printf("\n## %s\n", !checker ? "Of every format"
                                 : shale_checker_name(checker));
    for (size_t i = 0; (code = shale_checker_code(checker, i)) != NULL; i++)
        explain_markdown(code);
}

/* Is CODE what NAME asks for: itself, or a group that it is in? */
static bool code_is_meant(const struct shale_check_code *code,
                          const char *name)
{
    size_t len = strlen(name);

    return !strncmp(code->name, name, len) &&
           (code->name[len] == '\0' || code->name[len] == '.');
}

static size_t explain_named(const struct shale_checker *checker,
                            const char *name, size_t before)
{
    const struct shale_check_code *code;
    size_t count = before;

    for (size_t i = 0; (code = shale_checker_code(checker, i)) != NULL; i++)
        if (code_is_meant(code, name)) {
            if (count++ > 0)
                putchar('\n');
            explain_plain(code);
        }
    return count;
}

int checkcodes_explain(const struct options *options, const char *code)
{
    size_t count;

    if (!strcmp(code, "all")) {
        fputs(intro, stdout);
        explain_chapter(NULL);
        for (size_t i = 0; shale_all_checkers[i]; i++)
            explain_chapter(shale_all_checkers[i]);
        return FSCK_SOUND;
    }
    count = explain_named(NULL, code, 0);
    for (size_t i = 0; shale_all_checkers[i]; i++)
        count = explain_named(shale_all_checkers[i], code, count);
    if (count > 0)
        return FSCK_SOUND;
    options_complain(options, "no such code: '%s'; \"--explain all\" lists "
                     "them", code);
    return FSCK_USAGE;
}
