#include "formats/job_document.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "formats/json.hpp"

namespace ferry::formats {
namespace {

constexpr std::string_view firmware_operation = "FOTA";
constexpr std::string_view files_operation = "app_fota";
constexpr std::string_view scheme = "https://";
constexpr JsonLimits document_limits{job_document_limit, 8};

Failure bad_document(std::string_view what) {
  return fail(ErrorCode::invalid, fmt::format("job document: {}", what));
}

std::string shown(std::string_view text) {
  return fmt::format("'{}'", text.substr(0, 128));
}

Status check_url(std::string_view url) {
  // It stands in the job's template; what a thing gets has a URL in its place.
  if (url.find("${aws:iot:") != std::string_view::npos) {
    return bad_document(
        "a url is still the placeholder ${aws:iot:s3-presigned-url:…}: give the job a role that "
        "may "
        "sign URLs");
  }
  if (!url.starts_with(scheme)) return bad_document("a url is not https://");
  if (url.size() > job_url_limit) return bad_document("a url is too long");
  const std::string_view host =
      url.substr(scheme.size(), url.find_first_of("/?#", scheme.size()) - scheme.size());
  const bool plain =
      std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < '\x7F'; });
  if (host.empty() || !plain || host.find('@') != std::string_view::npos) {
    return bad_document(fmt::format("{} is no url", shown(url)));
  }
  return {};
}

Result<JobFile> file_from(const Json& json, Role role, std::string& version) {
  JobFile file;
  file.role = role;
  auto name = text_at(json, "fileName");
  if (!name) return bad_document(name.error().message);
  auto its_version = text_at(json, "fileVersion");
  if (!its_version) return bad_document(its_version.error().message);
  if (!json.contains("fileSource")) return bad_document(shown(*name) + " has no fileSource");
  auto url = text_at(json.at("fileSource"), "url");
  if (!url) return bad_document(url.error().message);

  file.path = name->starts_with('/') ? name->substr(1) : *name;
  if (!is_relative_path(file.path))
    return bad_document("fileName " + shown(*name) + " is no clean path");
  if (!is_name(*its_version))
    return bad_document("fileVersion " + shown(*its_version) + " is no version");
  if (version.empty()) version = *its_version;
  if (version != *its_version) {
    return bad_document(
        fmt::format("its files have two versions, {} and {}", shown(version), shown(*its_version)));
  }
  if (Status good = check_url(*url); !good) return fail(good.error());
  file.url = std::move(*url);
  return file;
}

Status read_operation(const Json& json, JobDocument& document) {
  const auto operation = text_at(json, "operation");
  if (!operation) return bad_document(operation.error().message);
  if (*operation != firmware_operation && *operation != files_operation) {
    return bad_document(fmt::format("operation {} is none of {}, {}", shown(*operation),
                                    firmware_operation, files_operation));
  }
  const Role role = *operation == firmware_operation ? Role::firmware : Role::file;
  const auto files = json.find("files");
  if (files == json.end() || !files->is_array() || files->empty()) {
    return bad_document("'files' is missing or no list of files");
  }
  for (const Json& entry : *files) {
    if (document.files.size() == job_file_limit) {
      return fail(ErrorCode::too_large,
                  fmt::format("job document: names more than {} files", job_file_limit));
    }
    auto file = file_from(entry, role, document.version);
    if (!file) return fail(file.error());
    document.files.push_back(std::move(*file));
  }
  return {};
}

// As far as it can be told before a byte was fetched.
Status check_as_release(const JobDocument& document) {
  Release release{"job", document.version, "job", {}};
  for (const JobFile& file : document.files) {
    ReleaseArtifact artifact;
    artifact.role = file.role;
    artifact.name = file.path;
    if (file.role == Role::file) artifact.dst_path = file.path;
    artifact.size = 1;
    release.artifacts.push_back(std::move(artifact));
  }
  if (Status good = check_release(release); !good) return bad_document(good.error().message);
  return {};
}

}  // namespace

Result<JobDocument> parse_job_document(std::string_view text) {
  const auto json = parse_json(text, "job document", document_limits);
  if (!json) return fail(json.error());
  if (!json->is_array() || json->empty()) return bad_document("is no list of operations");
  JobDocument document;
  for (const Json& operation : *json) {
    if (Status read = read_operation(operation, document); !read) return fail(read.error());
  }
  if (Status good = check_as_release(document); !good) return fail(good.error());
  return document;
}

std::string write_job_document(const JobDocument& document) {
  Json operations = Json::array();
  for (const Role role : {Role::firmware, Role::file}) {
    Json files = Json::array();
    for (const JobFile& file : document.files) {
      if (file.role != role) continue;
      files.push_back({{"fileName", "/" + file.path},
                       {"fileVersion", document.version},
                       {"fileSource", {{"url", file.url}}}});
    }
    if (files.empty()) continue;
    const bool firmware = role == Role::firmware;
    operations.push_back({{"operation", firmware ? firmware_operation : files_operation},
                          {"files", std::move(files)}});
  }
  return to_text(operations);
}

}  // namespace ferry::formats
