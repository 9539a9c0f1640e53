#include "fcgi-api/common_password.h"

#include <stdlib.h>
#include <string.h>

/* No password in the list is longer. */
enum { LENGTH_MAX = 32 };

static int compare(const void *password, const void *common)
{
    return strcmp(password, *(const char *const *)common);
}

static char lower_case(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool common_password_matches(const char *password, size_t length)
{
    char text[LENGTH_MAX + 1];
    if (length > LENGTH_MAX || memchr(password, '\0', length))
        return false;
    for (size_t i = 0; i < length; i++)
        text[i] = lower_case(password[i]);
    text[length] = '\0';
    return bsearch(text, common_passwords, common_password_count, sizeof common_passwords[0], compare) !=
           NULL;
}
