/*
 * text.c - text without a C library
 */
#include "kernel.h"

size_t text_len(const char *text)
{
    size_t len = 0;

    while (text[len])
        len++;
    return len;
}

bool text_equal(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

bool text_begins(const char *text, const char *start)
{
    while (*start)
        if (*text++ != *start++)
            return false;
    return true;
}

bool text_number(const char *text, uint64_t *out)
{
    uint64_t value = 0;

    if (!*text)
        return false;
    for (; *text; text++) {
        unsigned digit = (unsigned)*text - '0';

        if (digit > 9 || value > (UINT64_MAX - digit) / 10)
            return false;
        value = 10 * value + digit;
    }
    *out = value;
    return true;
}

/* ------------------------------------------------------------ formatting */

/* Where the text goes, and one conversion, "%-08lx". */
struct format {
    void (*emit)(void *context, char c);
    void *context;
    bool left, zero, precise;
    size_t width, precision;
    unsigned longs;
};

static void pad(const struct format *f, char with, size_t len)
{
    while (len-- > 0)
        f->emit(f->context, with);
}

/* LEN bytes of TEXT after a sign or such, at the side they belong. */
static void put_field(const struct format *f, const char *before,
                      const char *text, size_t len)
{
    size_t whole = text_len(before) + len;
    size_t gap = f->width > whole ? f->width - whole : 0;

    if (!f->left && !f->zero)
        pad(f, ' ', gap);
    while (*before)
        f->emit(f->context, *before++);
    if (!f->left && f->zero)
        pad(f, '0', gap);
    while (len-- > 0)
        f->emit(f->context, *text++);
    if (f->left)
        pad(f, ' ', gap);
}

static void put_number(const struct format *f, const char *before,
                       uint64_t value, unsigned base)
{
    char digits[20];            /* of 2^64 - 1 */
    char *at = digits + sizeof digits;

    do
        *--at = "0123456789abcdef"[value % base];
    while (value /= base);
    put_field(f, before, at, (size_t)(digits + sizeof digits - at));
}

static void put_text(struct format *f, const char *text)
{
    size_t len = 0;

    while ((!f->precise || len < f->precision) && text[len])
        len++;
    f->zero = false;
    put_field(f, "", text, len);
}

static uint64_t take_unsigned(const struct format *f, va_list *args)
{
    return f->longs ? va_arg(*args, unsigned long) : va_arg(*args, unsigned);
}

static void put_signed(const struct format *f, va_list *args)
{
    int64_t value = f->longs ? va_arg(*args, long) : va_arg(*args, int);

    put_number(f, value < 0 ? "-" : "",
               value < 0 ? -(uint64_t)value : (uint64_t)value, 10);
}

/* A width or precision: digits, or '*' for one of ARGS. */
static size_t take_size(const char **at, va_list *args)
{
    size_t size = 0;

    if (**at == '*') {
        int given = va_arg(*args, int);

        (*at)++;
        return given > 0 ? (size_t)given : 0;
    }
    for (; **at >= '0' && **at <= '9'; (*at)++)
        size = 10 * size + (size_t)(**at - '0');
    return size;
}

/* What follows '%' at AT, up to the letter, which is returned. */
static char take_directive(struct format *f, const char **at, va_list *args)
{
    f->left = f->zero = f->precise = false;
    f->precision = 0;
    f->longs = 0;
    for (; **at == '-' || **at == '0'; (*at)++) {
        f->left |= **at == '-';
        f->zero |= **at == '0';
    }
    f->width = take_size(at, args);
    if (**at == '.') {
        (*at)++;
        f->precise = true;
        f->precision = take_size(at, args);
    }
    for (; **at == 'l' || **at == 'z'; (*at)++)
        f->longs++;
    return **at ? *(*at)++ : '\0';
}

static void put_directive(struct format *f, char letter, va_list *args)
{
    char one;

    switch (letter) {
    case 'c':
        one = (char)va_arg(*args, int);
        put_field(f, "", &one, 1);
        break;
    case 's':
        put_text(f, va_arg(*args, const char *));
        break;
    case 'd':
        put_signed(f, args);
        break;
    case 'u':
        put_number(f, "", take_unsigned(f, args), 10);
        break;
    case 'x':
        put_number(f, "", take_unsigned(f, args), 16);
        break;
    case 'p':
        put_number(f, "0x", (uintptr_t)va_arg(*args, void *), 16);
        break;
    default:
        f->emit(f->context, letter);
        break;
    }
}

void text_vformat(void (*emit)(void *context, char c), void *context,
                  const char *format, va_list args)
{
    struct format f = { .emit = emit, .context = context };
    va_list rest;

    va_copy(rest, args);
    while (*format) {
        char c = *format++;

        if (c != '%')
            emit(context, c);
        else if ((c = take_directive(&f, &format, &rest)) != '\0')
            put_directive(&f, c, &rest);
    }
    va_end(rest);
}

/* A text of bounded size that grows. */
struct text_buffer {
    char *out;
    size_t size, len;
};

static void buffer_emit(void *context, char c)
{
    struct text_buffer *buffer = context;

    if (buffer->len + 1 < buffer->size)
        buffer->out[buffer->len] = c;
    buffer->len++;
}

size_t text_format(char *out, size_t size, const char *format, ...)
{
    struct text_buffer buffer = { .out = out, .size = size };
    va_list args;

    va_start(args, format);
    text_vformat(buffer_emit, &buffer, format, args);
    va_end(args);
    if (size > 0)
        out[buffer.len < size ? buffer.len : size - 1] = '\0';
    return buffer.len;
}
