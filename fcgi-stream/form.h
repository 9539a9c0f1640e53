/* The film in a form: a file of its own is made of the field `file` of a body, beside that.
 *
 * Most of it may be there before the body is: the bookkeeper copies what has arrived while nginx still writes the rest.
 * Whoever copies has that part locked, and looks through the body from the front, in the same way, for what ends the film:
 * so whatever is in the part is known to be of the film. Who can't have it, or has another boundary, makes one of its own. */
#ifndef FORM_H
#define FORM_H

#include "media.h"
#include "multipart.h"

/* Copies what can be of the first size bytes of the body, which is open and lies at path; makes the part the first
 * time. False when there is no more to be done: another one has the part, or it can't be copied. Nobody waits for it. */
WARN_UNUSED bool form_copy_arrived(int body, off_t size, const char *path, bool first);

struct form_part {
    int fd;
    char path[MEDIA_PATH_SIZE];
    off_t early; /* bytes that had been copied before */
    off_t length;
};

/* Takes the film out of a whole body of size bytes. A part that is open then, which fd says, is the caller's, also when
 * something fails. */
enum multipart_outcome form_take(int body, off_t size, const char *path, const char *boundary,
                                 struct form_part *part);

#endif
