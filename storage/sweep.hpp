// Makes folders and catalog agree when the store is opened. Internal to storage/.
#pragma once

#include "storage/catalog_database.hpp"
#include "storage/folders.hpp"
#include "storage/releases.hpp"

namespace ferry::storage {

// Packs without a row are deleted; a row whose file is missing or has another size is withdrawn,
// with an event; open packs that nobody resumed for a month, or for which the quota has no room,
// are deleted.
Status sweep(CatalogDatabase& catalog, CatalogReleases& releases, const Folders& folders,
             std::uint64_t quota, Time now);

// Bytes of the sealed packs.
Result<std::uint64_t> sealed_bytes(CatalogDatabase& catalog);

}  // namespace ferry::storage
