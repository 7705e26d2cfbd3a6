// Job documents of AWS IoT Jobs as QuecPython's modules understand them: what a thing shall fetch.
// Pure; whatever breaks the form is refused with a reason that the job's author can use.
//
//   [{"operation": "app_fota",
//     "files": [{"fileName": "/usr/a.py", "fileVersion": "2.0",
//                "fileSource": {"url": "https://…"}}]}]
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "formats/release.hpp"

namespace ferry::formats {

inline constexpr std::size_t job_document_limit = 128U << 10U;  // bytes, AWS's limit of a message
inline constexpr std::size_t job_file_limit = 256;              // in one document
inline constexpr std::size_t job_url_limit = 8192;              // bytes of one URL

// A file that the job names. What it holds is not told: neither size nor digest.
struct JobFile {
  Role role = Role::file;  // firmware for operation FOTA, file for app_fota
  std::string path;        // the fileName as a clean relative path: "/usr/a.py" is "usr/a.py" here
  std::string url;         // https alone
};

struct JobDocument {
  std::string version;  // that all of its files have
  std::vector<JobFile> files;
};

// Refuses what no release could be made of as well: two images, a path that stands twice. Unknown
// keys are ignored, since whoever writes jobs may have others read them.
Result<JobDocument> parse_job_document(std::string_view text);
// With a leading '/' in the names of files, and one operation for each role.
std::string write_job_document(const JobDocument& document);

}  // namespace ferry::formats
