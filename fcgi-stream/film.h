/* What may become a video's film, however it has come. */
#ifndef FILM_H
#define FILM_H

#include "stream.h"

/* What kind of video the file is: 415 when it is none that is taken. */
enum status film_check_type(struct request *request, int fd, int64_t size, const char **content_type);

#endif
