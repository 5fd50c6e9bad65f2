#include "store/sink.h"
