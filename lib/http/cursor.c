#include "lib/http/cursor.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/param.h"
#include "lib/db/secret.h"

enum {
    TAG_SIZE = 16,
    /* "<time> <key>", including the NUL */
    CONTENT_SIZE = sizeof "253402300799999999 " - 1 + CURSOR_KEY_SIZE,
    SEALED_MAX = TAG_SIZE + CONTENT_SIZE - 1,
    VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
};

_Static_assert(sodium_base64_ENCODED_LEN(SEALED_MAX, VARIANT) <= CURSOR_TEXT_SIZE, "the longest cursor fits");

static void make_tag(const struct cursor_list *list, const unsigned char *content, size_t length,
                     unsigned char tag[TAG_SIZE])
{
    unsigned char whole[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, list->secret, SECRET_SIZE);
    /* The NULs are included, so that path and filter can't run into each other. */
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)list->path, strlen(list->path) + 1);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)list->filter, strlen(list->filter) + 1);
    crypto_auth_hmacsha256_update(&state, content, length);
    crypto_auth_hmacsha256_final(&state, whole);
    memcpy(tag, whole, TAG_SIZE);
}

void cursor_write(const struct cursor_list *list, int64_t time_us, const char *key,
                  char text[CURSOR_TEXT_SIZE])
{
    unsigned char sealed[TAG_SIZE + CONTENT_SIZE];
    char *content = (char *)sealed + TAG_SIZE;
    size_t length = (size_t)snprintf(content, CONTENT_SIZE, "%" PRId64 " %s", time_us, key);
    make_tag(list, sealed + TAG_SIZE, length, sealed);
    sodium_bin2base64(text, CURSOR_TEXT_SIZE, sealed, TAG_SIZE + length, VARIANT);
}

bool cursor_parse(const struct cursor_list *list, const char *text, size_t length, int64_t *time_us,
                  char key[CURSOR_KEY_SIZE])
{
    unsigned char sealed[SEALED_MAX + 1], tag[TAG_SIZE];
    size_t size;
    if (sodium_base642bin(sealed, SEALED_MAX, text, length, NULL, &size, NULL, VARIANT) != 0 ||
        size <= TAG_SIZE)
        return false;
    make_tag(list, sealed + TAG_SIZE, size - TAG_SIZE, tag);
    if (sodium_memcmp(tag, sealed, TAG_SIZE) != 0)
        return false;
    sealed[size] = '\0';
    const char *content = (const char *)sealed + TAG_SIZE;
    size_t time_length = strcspn(content, " ");
    if (!content[time_length] || !param_number(content, time_length, INT64_MAX, time_us))
        return false;
    snprintf(key, CURSOR_KEY_SIZE, "%s", content + time_length + 1);
    return true;
}
