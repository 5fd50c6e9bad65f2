#include "io/log_writer.h"
