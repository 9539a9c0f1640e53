#include "lib/base/buffer.h"

#include <stdint.h>
#include <string.h>

#include "t/unit/bytes.h"
#include "t/unit/tap.h"

/* The content as text. */
static const char *text_of(struct buffer *buffer)
{
    buffer_char(buffer, '\0');
    buffer->length--;
    return buffer->data;
}

static void test_writing(void)
{
    struct buffer buffer = {0};
    buffer_append(&buffer, "", 0);
    is_int(buffer.length, 0, "nothing appended is nothing");
    ok(!buffer.failed, "and no failure");
    buffer_append(&buffer, BYTES("a\0b"));
    is_int(buffer.length, 3, "bytes are counted, not characters up to a NUL");
    ok(memcmp(buffer.data, "a\0b", 3) == 0, "bytes");
    buffer_reset(&buffer);
    buffer_text(&buffer, "GET ");
    buffer_char(&buffer, '/');
    buffer_printf(&buffer, "%d%s", 42, "x");
    is_text(text_of(&buffer), "GET /42x", "text, a character, a format");
    is_int(buffer.length, 8, "the format's NUL isn't counted");
    buffer_free(&buffer);
    ok(!buffer.data && buffer.capacity == 0, "freed");
}

static void test_growth(void)
{
    struct buffer buffer = {0};
    bool same = true;
    for (int i = 0; i < 300000; i++)
        buffer_char(&buffer, (char)('a' + i % 26));
    for (int i = 0; i < 300000; i++)
        same = same && buffer.data[i] == (char)('a' + i % 26);
    is_int(buffer.length, 300000, "grown byte by byte");
    ok(same, "all of them are there");
    ok(buffer.capacity >= buffer.length, "within its capacity");
    buffer_reset(&buffer);
    is_int(buffer.capacity, 0, "the memory of a big one is given back by a reset");

    buffer_printf(&buffer, "<%s>", bytes_repeat('x', 10000));
    is_int(buffer.length, 10002, "a format that is longer than the first block");
    ok(buffer.data[0] == '<' && buffer.data[10001] == '>', "is whole");
    buffer_free(&buffer);
    buffer_printf(&buffer, "%s", bytes_repeat('x', 4096));
    is_int(buffer.length, 4096, "a format that fills the first block, with its NUL behind it");
    ok(buffer.data[4095] == 'x' && buffer.data[4096] == '\0', "is whole, and so is the NUL");
    size_t capacity = buffer.capacity;
    buffer_reset(&buffer);
    is_int(buffer.length, 0, "a reset empties");
    is_int(buffer.capacity, capacity, "and keeps the memory of a small one");
    buffer_free(&buffer);
}

static void test_extend(void)
{
    struct buffer buffer = {0};
    buffer_text(&buffer, "head ");
    char *place = buffer_extend(&buffer, 4);
    memcpy(place, "body", 4);
    is_text(text_of(&buffer), "head body", "what is written to a place is part of it");
    place = buffer_extend(&buffer, 100000);
    memset(place, 'x', 100000);
    is_int(buffer.length, 100009, "also a large one");
    buffer_free(&buffer);
}

static void test_sticky_error(void)
{
    struct buffer buffer = {0};
    buffer_text(&buffer, "kept");
    buffer_append(&buffer, "x", SIZE_MAX / 2);
    ok(buffer.failed, "what can't be had is a failure");
    is_int(buffer.length, 4, "which changes nothing");
    buffer_text(&buffer, "more");
    buffer_char(&buffer, 'x');
    buffer_printf(&buffer, "%d", 1);
    ok(buffer.failed, "the failure stays");
    is_int(buffer.length, 4, "and nothing more is written");
    buffer_reset(&buffer);
    ok(!buffer.failed, "a reset clears it");
    buffer_text(&buffer, "new");
    is_text(text_of(&buffer), "new", "and the buffer works again");
    ok(!buffer_extend(&buffer, SIZE_MAX / 2), "nor is there a place for what can't be had");
    ok(buffer.failed, "which is a failure");
    buffer_reset(&buffer);
    buffer_append(&buffer, "x", SIZE_MAX);
    ok(buffer.failed, "a length that would wrap around is a failure too");
    buffer_free(&buffer);
}

int main(void)
{
    test_writing();
    test_growth();
    test_extend();
    test_sticky_error();
    return done_testing();
}
