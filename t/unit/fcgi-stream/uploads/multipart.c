#include "fcgi-stream/uploads/multipart.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/unit/bytes.h"
#include "t/unit/scratch.h"
#include "t/unit/tap.h"

enum { WINDOW = 256 * 1024 };

#define PART(parameters) "--XyZ\r\nContent-Disposition: form-data; " parameters "\r\n\r\n"
#define FILE_PART        PART("name=\"file\"; filename=\"a.mp4\"")
#define END              "\r\n--XyZ--\r\n"

static enum multipart_outcome outcome;
static off_t start, length;

static enum multipart_outcome find_in(int fd, off_t size, const char *boundary)
{
    struct media_writer copy = {.fd = scratch_file("copy", "", 0)};
    outcome = multipart_find_start(fd, size, boundary, &start);
    if (outcome == MULTIPART_FOUND)
        outcome = multipart_copy(fd, size, boundary, start, &copy);
    int saved = errno;
    length = copy.end;
    close(copy.fd);
    errno = saved;
    return outcome;
}

/* Finds and copies the file in a body. */
static enum multipart_outcome find(const char *body, size_t size, const char *boundary)
{
    int fd = scratch_file("body", body, size);
    find_in(fd, (off_t)size, boundary);
    close(fd);
    return outcome;
}

static void expect_found(const char *body, size_t size, const char *content, const char *name)
{
    char found[128] = "";
    if (find(body, size, "XyZ") == MULTIPART_FOUND && start >= 0 && start + length <= (off_t)size &&
        length < (off_t)sizeof found)
        memcpy(found, body + start, (size_t)length);
    is_int(outcome, MULTIPART_FOUND, "the file is found: %s", name);
    is_text(found, content, "the content is unchanged");
}

static void test_found(void)
{
    expect_found(BYTES(FILE_PART "content" END), "content", "one part");
    expect_found(BYTES(FILE_PART "content\r\n--XyZ--"), "content", "no line end after the last delimiter");
    expect_found(BYTES("\r\n" FILE_PART "content" END), "content", "a line end before the first delimiter");
    expect_found(BYTES("a preamble\r\n--XyA\r\n" FILE_PART "content" END "an epilogue"), "content",
                 "preamble and epilogue");
    expect_found(BYTES(PART("name=\"title\"") "t\r\n" PART("name=\"x\"") "\r\n" FILE_PART "content" END),
                 "content", "after other parts");
    expect_found(BYTES(FILE_PART "content\r\n" PART("name=\"title\"") "t" END), "content",
                 "before another part");
    expect_found(BYTES(FILE_PART "first\r\n" FILE_PART "second" END), "first", "the first of two");
    expect_found(BYTES(FILE_PART END), "", "an empty part");
    expect_found(BYTES(FILE_PART "--XyZ--\r\n"), "", "an empty part whose line end is that of its headers");
    expect_found(BYTES("--XyZ \t \r\nContent-Disposition: form-data; name=\"file\"\r\n\r\ncontent\r\n--XyZ "
                       "\r\n\r\n" END),
                 "content", "spaces after the boundary");
    expect_found(BYTES("--XyZ\r\n\r\nno headers\r\n" FILE_PART "content" END), "content",
                 "after a part without headers");
}

static void test_names(void)
{
    static const struct {
        const char *body;
        bool expected;
    } rows[] = {
        {PART("name=\"file\"") "c" END, true},
        {PART("name=file") "c" END, true},
        {PART("name=file; filename=x") "c" END, true},
        {PART("NAME=\"file\"") "c" END, true},
        {PART("filename=\"name=file\"; name=\"file\"") "c" END, true},
        {PART("filename=\"a\\\"; name=x\"; name=\"file\"") "c" END, true},
        {"--XyZ\r\nX: y\r\ncontent-DISPOSITION:form-data;name=file\r\nY: z\r\n\r\nc" END, true},
        {PART("name=\"File\"") "c" END, false},
        {PART("name=\"files\"") "c" END, false},
        {PART("name=files") "c" END, false},
        {PART("name=\"\"") "c" END, false},
        {PART("xname=\"file\"") "c" END, false},
        {PART("filename=\"file\"") "c" END, false},
        {PART("filename=\"; name=file\"") "c" END, false},
        {PART("filename=\"\\\"; name=file\"") "c" END, false},
        {PART("name=\"other\"") "name=\"file\"" END, false},
        {"--XyZ\r\nX: form-data; name=\"file\"\r\n\r\nc" END, false},
        {"--XyZ\r\n\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nc" END, false},
        {"--XyZ\r\nContent-Disposition: form-data\r\n\r\nc" END, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        is_int(find(rows[i].body, strlen(rows[i].body), "XyZ"),
               rows[i].expected ? MULTIPART_FOUND : MULTIPART_NO_FILE, "whether the part is the file: %s",
               rows[i].body);
}

static void test_look_alikes(void)
{
    static const char *const contents[] = {
        "a--XyZ--b",  "\n--XyZ\n",    "\r--XyZ", "\r\n-XyZ", "\r\n--XyA", "\r\n--Xy\r\n", "\r\n--xyz",
        "\r\n --XyZ", "\r\n\r\n--Xy", "\r\n",    "\r",       "\r\n\r\n-", "\r\r\n--Xy",   "a\r\n\r\nb",
    };
    char body[512];
    for (size_t i = 0; i < COUNT_OF(contents); i++) {
        int size = snprintf(body, sizeof body, FILE_PART "%s" END, contents[i]);
        expect_found(body, (size_t)size, contents[i], "content that looks like a boundary");
    }
    expect_found(BYTES(FILE_PART "a\0--XyZ\0\r\n--Xy\0Z" END), "a", "NULs in the content");
    is_int(length, 16, "NULs do not end the content");
    is_int(find(BYTES(FILE_PART "a\r\n--XyZW\r\nb" END), "XyZ"), MULTIPART_MALFORMED,
           "a line that starts with the delimiter but is none is malformed");
}

static void test_malformed(void)
{
    static const char lf[] = "--XyZ\nContent-Disposition: form-data; name=\"file\"\n\ncontent\n--XyZ--\n";
    static const char *const bodies[] = {
        "",
        "-",
        "--XyZ",
        "--XyZ--",
        "--XyZ--\r\n",
        "\r\n--XyZ--\r\n",
        "content",
        "--ABC\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\ncontent\r\n--ABC--\r\n",
        "--XyZContent-Disposition: form-data; name=\"file\"\r\n\r\ncontent" END,
        "--XyZ-\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\ncontent" END,
        "--XyZ\rContent-Disposition: form-data; name=\"file\"\r\n\r\ncontent" END,
        "--XyZ\r\nContent-Disposition: form-data; name=\"file\"\r\ncontent" END,
        "x--XyZ\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\ncontent",
    };
    for (size_t i = 0; i < COUNT_OF(bodies); i++)
        is_int(find(bodies[i], strlen(bodies[i]), "XyZ"), MULTIPART_MALFORMED, "malformed: \"%s\"",
               bodies[i]);
    is_int(find(lf, strlen(lf), "XyZ"), MULTIPART_MALFORMED, "lines that end in LF only are malformed");
    is_int(find(BYTES("--XyZ\r\nX: \0\r\n\r\ncontent" END), "XyZ"), MULTIPART_MALFORMED,
           "a NUL in the headers is malformed");
    is_int(find(BYTES("--\r\nContent-Disposition: form-data; name=file\r\n\r\nc\r\n----\r\n"), ""),
           MULTIPART_MALFORMED, "an empty boundary is malformed");
}

static void test_truncated(void)
{
    static const char body[] = PART("name=\"title\"") "t\r\n" FILE_PART "content" END;
    bool rejected = true;
    for (size_t size = 0; size < strlen(body) - strlen("--\r\n"); size++)
        rejected = rejected && find(body, size, "XyZ") == MULTIPART_MALFORMED;
    ok(rejected, "a body that is truncated anywhere is malformed");
    is_int(find(body, strlen(body) - 2, "XyZ"), MULTIPART_FOUND, "the last line end is optional");

    int fd = scratch_file("body", BYTES(FILE_PART "con"));
    is_int(find_in(fd, 1000, "XyZ"), MULTIPART_MALFORMED, "a file shorter than the given size is malformed");
    close(fd);
    is_int(find_in(-1, 1000, "XyZ"), MULTIPART_UNREADABLE, "an invalid descriptor is an error");
    is_int(errno, EBADF, "errno of an invalid descriptor");
}

/* Fills a body with bytes that look like the start of a delimiter. */
static void fill(char *at, size_t size)
{
    static const char pattern[] = "\r\n--Xy";
    for (size_t i = 0; i < size; i++)
        at[i] = pattern[i % (sizeof pattern - 1)];
}

/* The delimiters lie before, across and after the end of the first window. */
static void test_window(void)
{
    char *body = malloc(2 * WINDOW);
    bool content = true, preamble = true, past = true;
    for (int extra = -16; extra <= 16; extra++) {
        size_t head = strlen(FILE_PART), size = (size_t)(WINDOW + extra);
        memcpy(body, FILE_PART, head);
        fill(body + head, size);
        memcpy(body + head + size, END, strlen(END));
        find(body, head + size + strlen(END), "XyZ");
        content = content && outcome == MULTIPART_FOUND && start == (off_t)head && length == (off_t)size;

        fill(body, size);
        memcpy(body + size, "\r\n" FILE_PART "content" END, strlen("\r\n" FILE_PART "content" END));
        find(body, size + strlen("\r\n" FILE_PART "content" END), "XyZ");
        preamble = preamble && outcome == MULTIPART_FOUND && start == (off_t)(size + 2 + head) && length == 7;

        find(body, size + strlen("\r\n" FILE_PART "content"), "XyZ");
        past = past && outcome == MULTIPART_MALFORMED;
    }
    ok(content, "a delimiter after the content is found across the end of a window");
    ok(preamble, "a delimiter after the preamble is found across the end of a window");
    ok(past, "a missing delimiter after the content is malformed");
    free(body);
}

static void test_limits(void)
{
    enum { HEADERS = 8 * 1024 };
    char *body = malloc(4 * HEADERS);
    int fits = HEADERS - (int)strlen("\r\nX: \r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n");
    for (int extra = 0; extra <= 1; extra++) {
        int size =
            sprintf(body, "--XyZ\r\nX: %s\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nc" END,
                    bytes_repeat('x', (size_t)(fits + extra)));
        is_int(find(body, (size_t)size, "XyZ"), extra ? MULTIPART_MALFORMED : MULTIPART_FOUND,
               "headers of 8 KiB and %d bytes", extra);
    }
    int size = sprintf(body, "--XyZ\r\n%s", bytes_repeat('x', 3 * HEADERS));
    is_int(find(body, (size_t)size, "XyZ"), MULTIPART_MALFORMED, "headers without an end are malformed");

    size = 0;
    for (int parts = 1; parts <= 17; parts++) {
        size += sprintf(body + size, PART("name=\"x\"") "%d\r\n", parts);
        int all = size + sprintf(body + size, "--XyZ--\r\n");
        is_int(find(body, (size_t)all, "XyZ"), parts <= 16 ? MULTIPART_NO_FILE : MULTIPART_MALFORMED,
               "%d parts without a file", parts);
    }
    free(body);
}

int main(void)
{
    test_found();
    test_names();
    test_look_alikes();
    test_malformed();
    test_truncated();
    test_window();
    test_limits();
    return done_testing();
}
