// How the values of enumerations stand in the messages between agent and host, in the order of the
// enumerations. Internal to the readers and writers of those messages.
#pragma once

#include <array>
#include <string_view>

namespace ferry::formats::link {

inline constexpr auto image_state_names =
    std::to_array<std::string_view>({"unknown", "confirmed", "on_trial"});
inline constexpr auto step_names =
    std::to_array<std::string_view>({"transfer", "activate", "confirm"});
inline constexpr auto outcome_names = std::to_array<std::string_view>(
    {"transferred", "failed", "activated", "confirmed", "lost", "busy", "refused_image",
     "refused_size", "refused_downgrade", "rolled_back", "refused_unpaired"});

}  // namespace ferry::formats::link
