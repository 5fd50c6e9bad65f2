#include <wherry/netascii.h>
