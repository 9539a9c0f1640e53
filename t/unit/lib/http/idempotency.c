#include "lib/http/idempotency.h"

#include <stdio.h>

#include "t/unit/bytes.h"
#include "t/unit/tap.h"

/* What is wrong with that key; NULL: no key is sent. */
static const char *read_key(struct request *request, const char *key)
{
    static char variable[400];
    static const char *variables[] = {"HTTP_X=y", variable, NULL};
    snprintf(variable, sizeof variable, "HTTP_IDEMPOTENCY_KEY=%s", key ? key : "");
    variables[1] = key ? variable : NULL;
    *request = (struct request){.variables = variables};
    return idempotency_parse(request);
}

int main(void)
{
    static const char wrong[] = "Idempotency-Key is not 1 to 255 visible ASCII characters";
    static const char *const refused[] = {"", " ", "a b", " a", "a ", "a\t", "\x7f", "\xc3\xa9", "a\x01"};
    static const char *const good[] = {"1", "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"", "!~", "a,b;c=d"};
    struct request request;
    is_text(read_key(&request, NULL), NULL, "no key");
    is_text(request.idempotency_key, NULL, "is none");
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        is_text(read_key(&request, good[i]), NULL, "%s", good[i]);
        is_text(request.idempotency_key, good[i], "is taken as it is");
    }
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        is_text(read_key(&request, refused[i]), wrong, "\"%s\"", refused[i]);
    is_text(read_key(&request, bytes_repeat('k', 255)), NULL, "255 characters");
    is_text(read_key(&request, bytes_repeat('k', 256)), wrong, "256");
    return done_testing();
}
