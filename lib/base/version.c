#include "lib/base/version.h"

const char version[] = VERSION;
