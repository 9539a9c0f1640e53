#include "lib/http/cursor.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "lib/db/secret.h"
#include "t/unit/bytes.h"
#include "t/unit/tap.h"

#define UUID "0f8fad5b-d9cb-469f-a165-70867728950e"

static const unsigned char secret[SECRET_SIZE] = "a secret of 32 bytes, of a test";
static const struct cursor_list list = {secret, "/api/videos", ""};

static char text[CURSOR_TEXT_SIZE];
static int64_t time_us;
static char key[CURSOR_KEY_SIZE];

static bool parse(const struct cursor_list *other, const char *cursor, size_t length)
{
    time_us = -1;
    key[0] = '\0';
    return cursor_parse(other, bytes_exact(cursor, length), length, &time_us, key);
}

static void test_round_trip(void)
{
    static const struct {
        int64_t time_us;
        const char *key;
    } rows[] = {
        {0, "1"},
        {1795485984123456, "42"},
        {253402300799000000, "9223372036854775807"},
        {253402300799999999, UUID},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cursor_write(&list, rows[i].time_us, rows[i].key, text);
        ok(strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == strlen(text),
           "the cursor of %s needs no escaping in a URL", rows[i].key);
        ok(parse(&list, text, strlen(text)), "a cursor can be parsed");
        is_int(time_us, rows[i].time_us, "the time survives the round trip");
        is_text(key, rows[i].key, "the key survives the round trip");
    }
}

static void test_lists(void)
{
    static const unsigned char other_secret[SECRET_SIZE] = "another one";
    static const struct cursor_list others[] = {
        {other_secret, "/api/videos", ""},   {secret, "/api/video", "s"},
        {secret, "/api/videos", "ready"},    {secret, "", "/api/videos"},
        {secret, "/api/users/1/videos", ""}, {secret, "/api/videos", "=x"},
    };
    cursor_write(&list, 1795485984123456, "42", text);
    for (size_t i = 0; i < COUNT_OF(others); i++)
        ok(!parse(&others[i], text, strlen(text)),
           "a cursor is rejected for the list %s with the filter \"%s\"", others[i].path, others[i].filter);
}

/* Flips every bit of a cursor, and truncates it to every length. */
static void test_tampering(void)
{
    unsigned char sealed[CURSOR_TEXT_SIZE];
    char changed[CURSOR_TEXT_SIZE + 1];
    size_t size;
    int accepted = 0;
    cursor_write(&list, 1795485984123456, UUID, text);
    ok(sodium_base642bin(sealed, sizeof sealed, text, strlen(text), NULL, &size, NULL,
                         sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0,
       "a cursor is base64url");
    for (size_t bit = 0; bit < 8 * size; bit++) {
        sealed[bit / 8] ^= (unsigned char)(1 << bit % 8);
        sodium_bin2base64(changed, sizeof changed, sealed, size, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
        sealed[bit / 8] ^= (unsigned char)(1 << bit % 8);
        accepted += parse(&list, changed, strlen(changed));
    }
    is_int(accepted, 0, "a cursor with one changed bit is rejected");
    for (size_t length = 0; length < strlen(text); length++)
        accepted += parse(&list, text, length);
    is_int(accepted, 0, "a truncated cursor is rejected");
    snprintf(changed, sizeof changed, "%sA", text);
    ok(!parse(&list, changed, strlen(changed)), "a cursor with a trailing character is rejected");
}

static void test_invalid(void)
{
    static const char *const texts[] = {"", "=", "A", "AA==", "!", "MSAx", "MSAy MSAy", "%4d"};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        ok(!parse(&list, texts[i], strlen(texts[i])), "\"%s\" is rejected", texts[i]);
    for (size_t length = 20; length < 200; length += 30)
        ok(!parse(&list, bytes_repeat('A', length), length), "%zu letters are rejected", length);
}

int main(void)
{
    test_round_trip();
    test_lists();
    test_tampering();
    test_invalid();
    return done_testing();
}
