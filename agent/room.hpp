// Room in the store by the catalog's word: reads what agent/catalog/eviction.hpp needs, and does
// what that says. Beside the rooms that it joins, so that no source knows the catalog.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/catalog/awaited.hpp"
#include "agent/catalog/eviction.hpp"
#include "agent/source/room.hpp"
#include "storage/store.hpp"

namespace ferry::agent {

// Thread-safe.
class CatalogRoom final : public source::RoomKeeper {
 public:
  // `store` outlives it. `evicted` is called on the source's thread: hosts must learn which packs
  // are gone.
  CatalogRoom(storage::Store& store, const std::vector<config::ProductSettings>& products,
              std::function<void()> evicted)
      : store_(store),
        orders_(catalog::orders_of(products)),
        policies_(catalog::policies_of(products)),
        evicted_(std::move(evicted)) {}

  Result<std::unique_ptr<const source::Room>> look() override;
  Result<source::Made> make(const std::string& source, const formats::Release& wanted,
                            std::uint64_t shortfall) override;

 private:
  storage::Store& store_;
  const catalog::Orders orders_;
  const catalog::Policies policies_;
  const std::function<void()> evicted_;
};

}  // namespace ferry::agent
