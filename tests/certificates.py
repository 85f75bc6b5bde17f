"""Certificates for tests of HTTPS."""

import datetime as dt
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class Authority:
    """A certificate authority that writes its certificates and keys as files in a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])
        ca = x509.BasicConstraints(ca=True, path_length=0)
        self.file = self._write("ca", self.key, self._sign("authority", self.key, ca))[1]

    def issue(self, name):
        """A certificate for 127.0.0.1; returns the paths of its key and of itself."""
        key = ec.generate_private_key(ec.SECP256R1())
        constraints = x509.BasicConstraints(ca=False, path_length=None)
        return self._write(name, key, self._sign(name, key, constraints))

    def _sign(self, name, key, constraints):
        now = dt.datetime.now(dt.UTC)
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        return (
            x509.CertificateBuilder(self.name, subject, key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(constraints, critical=True)
            .add_extension(host, critical=False)
            .sign(self.key, hashes.SHA256())
        )

    def _write(self, name, key, certificate):
        key_file, file = self.folder / f"{name}.key", self.folder / f"{name}.pem"
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return key_file, file
