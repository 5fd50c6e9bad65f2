#include "net/udp.h"
