#include "fcgi-api/common_password.h"

#include <stdlib.h>
#include <string.h>

enum { LENGTH_MAX = 32 }; /* of what is in the list */

static int compare(const void *password, const void *common)
{
    return strcmp(password, *(const char *const *)common);
}

static char small(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool common_password(const char *password, size_t length)
{
    char text[LENGTH_MAX + 1];
    if (length > LENGTH_MAX || memchr(password, '\0', length))
        return false;
    for (size_t i = 0; i < length; i++)
        text[i] = small(password[i]);
    text[length] = '\0';
    return bsearch(text, common_passwords, common_password_count, sizeof common_passwords[0], compare) !=
           NULL;
}
