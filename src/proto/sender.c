#include <wherry/sender.h>
