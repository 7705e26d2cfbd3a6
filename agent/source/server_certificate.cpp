#include "agent/source/server_certificate.hpp"

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <ctime>

namespace ferry::source {
namespace {

int judgement_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

CertificateJudgement* judgement_of(X509_STORE_CTX* check) {
  const auto* connection =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(check, SSL_get_ex_data_X509_STORE_CTX_idx()));
  if (connection == nullptr) return nullptr;
  return static_cast<CertificateJudgement*>(
      SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), judgement_index()));
}

std::optional<Time> end_of(const X509* certificate) {
  std::tm parts{};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1) {
    return {};
  }
  return Time(std::chrono::seconds(::timegm(&parts)));
}

// Called for each certificate of the chain, the server's own last.
int on_certificate(int good, X509_STORE_CTX* check) {
  CertificateJudgement* judgement = judgement_of(check);
  if (judgement == nullptr) return 0;
  if (good != 1) {
    const bool early = X509_STORE_CTX_get_error(check) == X509_V_ERR_CERT_NOT_YET_VALID;
    if (!early || !judgement->at) return good;
    X509_STORE_CTX_set_error(check, X509_V_OK);
    return 1;
  }
  if (X509_STORE_CTX_get_error_depth(check) != 0) return 1;
  if (const auto end = end_of(X509_STORE_CTX_get_current_cert(check))) {
    judgement->until = std::min(judgement->until.value_or(*end), *end);
  }
  return 1;
}

}  // namespace

bool judge_certificates(SSL_CTX* context, CertificateJudgement& judgement) {
  if (SSL_CTX_set_ex_data(context, judgement_index(), &judgement) != 1) return false;
  if (judgement.at) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(*judgement.at);
    X509_VERIFY_PARAM_set_time(SSL_CTX_get0_param(context), seconds.time_since_epoch().count());
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, on_certificate);
  return true;
}

}  // namespace ferry::source
