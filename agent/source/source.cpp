#include "agent/source/source.hpp"

#include "agent/source/directory_source.hpp"
#include "agent/source/https_source.hpp"

namespace ferry::source {

Result<std::unique_ptr<Source>> make_source(const config::SourceSettings& settings,
                                            const Context& context) {
  if (settings.type == config::SourceType::https) return HttpsSource::make(settings, context);
  return std::unique_ptr<Source>(std::make_unique<DirectorySource>(settings, context));
}

}  // namespace ferry::source
