#include "storage/pack.hpp"
