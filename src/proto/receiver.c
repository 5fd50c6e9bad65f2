#include <wherry/receiver.h>
