// Metadata of each role as a hostile repository may send it, with all that is computed from it.
#include "agent/source/tuf/names.hpp"
#include "agent/source/tuf/search.hpp"
#include "agent/source/tuf/trusted_set.hpp"
#include "tests/fuzz/round_trip.hpp"

namespace {

template <typename Part>
bool check(const ferry::Result<ferry::tuf::Document<Part>>& document) {
  if (!document && document.error().message.empty()) std::abort();
  if (document && (document->canonical.empty() || document->part.version == 0)) std::abort();
  return document.has_value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ferry::tuf;
  const std::string_view text = ferry::fuzz::text_of(data, size);
  const Limits limits;
  const auto root = parse_root(text, limits);
  if (check(root)) {
    (void)is_signed(root->part.root, root->part.keys, root->canonical, root->signatures);
  }
  check(parse_timestamp(text, limits));
  check(parse_snapshot(text, limits));
  const auto targets = parse_targets(text, "targets", limits);
  if (check(targets)) {
    Search search("path/to/a.bin", targets->part);
    std::size_t steps = 0;
    while (const auto step = search.next()) {
      if (safe_file_name(step->role).find('/') != std::string::npos) std::abort();
      if (++steps > Search::most_roles) std::abort();
      search.visit(targets->part);
    }
  }
  (void)TrustedSet::begin(text, ferry::Time(), limits);
  return 0;
}
