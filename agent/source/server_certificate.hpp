// At what time a server's certificates are judged, and how long they hold. Thin over OpenSSL's
// verification, which does all the rest: names, issuers, signatures.
#pragma once

#include <optional>

#include "base/clock.hpp"

struct ssl_ctx_st;

namespace ferry::source {

struct CertificateJudgement {
  // Set: certificates are judged as of this time instead of the system's clock, and one that is not
  // valid yet by then is taken, since the true time is known to be later; never one that has
  // expired.
  std::optional<Time> at;
  // Out: the earliest end of the servers' own certificates that were accepted.
  std::optional<Time> until;
};

// `judgement` must live as long as connections are made with `context`. Called by libcurl for each
// connection (CURLOPT_SSL_CTX_FUNCTION). False when OpenSSL is out of memory.
bool judge_certificates(ssl_ctx_st* context, CertificateJudgement& judgement);

}  // namespace ferry::source
