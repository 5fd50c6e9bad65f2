#include <wherry/rtt.h>
