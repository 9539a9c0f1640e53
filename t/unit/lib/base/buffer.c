#include "lib/base/buffer.h"

#include <stdint.h>
#include <string.h>

#include "t/unit/bytes.h"
#include "t/unit/tap.h"

/* The content as a NUL-terminated text. */
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
    is_int(buffer.length, 0, "appending zero bytes leaves the buffer empty");
    ok(!buffer.failed, "appending zero bytes is not a failure");
    buffer_append(&buffer, BYTES("a\0b"));
    is_int(buffer.length, 3, "a NUL counts like any other byte");
    ok(memcmp(buffer.data, "a\0b", 3) == 0, "the bytes are stored as given");
    buffer_reset(&buffer);
    buffer_text(&buffer, "GET ");
    buffer_char(&buffer, '/');
    buffer_printf(&buffer, "%d%s", 42, "x");
    is_text(text_of(&buffer), "GET /42x", "text, a character and formatted text are appended in order");
    is_int(buffer.length, 8, "the NUL of formatted text is not counted");
    buffer_free(&buffer);
    ok(!buffer.data && buffer.capacity == 0, "buffer_free leaves an empty buffer without memory");
}

static void test_growth(void)
{
    struct buffer buffer = {0};
    bool same = true;
    for (int i = 0; i < 300000; i++)
        buffer_char(&buffer, (char)('a' + i % 26));
    for (int i = 0; i < 300000; i++)
        same = same && buffer.data[i] == (char)('a' + i % 26);
    is_int(buffer.length, 300000, "300000 single bytes are counted");
    ok(same, "growth preserves the content");
    ok(buffer.capacity >= buffer.length, "the length stays within the capacity");
    buffer_reset(&buffer);
    is_int(buffer.capacity, 0, "a reset frees the memory of a large buffer");

    buffer_printf(&buffer, "<%s>", bytes_repeat('x', 10000));
    is_int(buffer.length, 10002, "formatted text can be longer than the initial capacity");
    ok(buffer.data[0] == '<' && buffer.data[10001] == '>', "long formatted text is not truncated");
    buffer_free(&buffer);
    buffer_printf(&buffer, "%s", bytes_repeat('x', 4096));
    is_int(buffer.length, 4096, "formatted text can be as long as the initial capacity");
    ok(buffer.data[4095] == 'x' && buffer.data[4096] == '\0',
       "the NUL of formatted text lies within the capacity");
    size_t capacity = buffer.capacity;
    buffer_reset(&buffer);
    is_int(buffer.length, 0, "a reset empties the buffer");
    is_int(buffer.capacity, capacity, "a reset keeps the memory of a small buffer");
    buffer_free(&buffer);
}

static void test_extend(void)
{
    struct buffer buffer = {0};
    buffer_text(&buffer, "head ");
    char *extension = buffer_extend(&buffer, 4);
    memcpy(extension, "body", 4);
    is_text(text_of(&buffer), "head body", "bytes written to an extension are part of the content");
    extension = buffer_extend(&buffer, 100000);
    memset(extension, 'x', 100000);
    is_int(buffer.length, 100009, "a large extension counts too");
    buffer_free(&buffer);
}

static void test_sticky_error(void)
{
    struct buffer buffer = {0};
    buffer_text(&buffer, "kept");
    buffer_append(&buffer, "x", SIZE_MAX / 2);
    ok(buffer.failed, "an allocation that is too large fails");
    is_int(buffer.length, 4, "a failed append does not change the length");
    buffer_text(&buffer, "more");
    buffer_char(&buffer, 'x');
    buffer_printf(&buffer, "%d", 1);
    ok(buffer.failed, "the failure is sticky");
    is_int(buffer.length, 4, "nothing is appended after a failure");
    buffer_reset(&buffer);
    ok(!buffer.failed, "a reset clears the failure");
    buffer_text(&buffer, "new");
    is_text(text_of(&buffer), "new", "the buffer works again after a reset");
    ok(!buffer_extend(&buffer, SIZE_MAX / 2), "an extension that is too large returns NULL");
    ok(buffer.failed, "a failed extension sets the failure");
    buffer_reset(&buffer);
    buffer_append(&buffer, "x", SIZE_MAX);
    ok(buffer.failed, "a length that would overflow is a failure");
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
