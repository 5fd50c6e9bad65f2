#include <wherry/packet.h>
