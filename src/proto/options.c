#include <wherry/options.h>
