// UTF-8 as text from outside is checked. Pure, any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace ferry::formats {

// Length of the UTF-8 sequence that `text` begins with, 0 when it is none. Overlong forms,
// surrogates and values beyond U+10FFFF are none.
std::size_t utf8_length(std::string_view text);

bool is_utf8(std::string_view text);

}  // namespace ferry::formats
