#include "agent/source/source.hpp"

#include "agent/source/directory_source.hpp"
#include "agent/source/https_source.hpp"
#include "agent/source/tuf_source.hpp"

namespace ferry::source {

Result<std::unique_ptr<Source>> make_source(const config::SourceSettings& settings,
                                            const Context& context) {
  switch (settings.type) {
    case config::SourceType::https:
      return HttpsSource::make(settings, context);
    case config::SourceType::tuf:
      return TufSource::make(settings, context);
    case config::SourceType::directory:
      break;
  }
  return std::unique_ptr<Source>(std::make_unique<DirectorySource>(settings, context));
}

}  // namespace ferry::source
