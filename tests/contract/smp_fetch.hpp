// A device that fetches by name and offset, over a socket that keeps packets apart.
#pragma once

#include <functional>
#include <string_view>

namespace ferry::contract {

// Asks for the meter's firmware from the beginning on, and again for what is not answered. Returns
// when it has all, or gets no more.
void fetch_file(int socket, const std::function<void(std::string_view piece)>& take);

}  // namespace ferry::contract
