#include "agent/source/source.hpp"

#include "agent/source/aws/aws_source.hpp"
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
    case config::SourceType::aws_jobs:
      return aws::AwsSource::make(settings, context);
    case config::SourceType::directory:
      break;
  }
  return std::unique_ptr<Source>(std::make_unique<DirectorySource>(settings, context));
}

Standing standing_of(const config::SourceSettings& settings, Time trusted_until, Time now) {
  if (trusted_until == Time{} || now < trusted_until) return Standing::valid;
  return now - trusted_until < settings.grace ? Standing::expired : Standing::lapsed;
}

}  // namespace ferry::source
