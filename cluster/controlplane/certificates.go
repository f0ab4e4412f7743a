package controlplane

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// lifetime is how long certificates are good for: longer than any run.
const lifetime = 30 * 24 * time.Hour

// authority is a certificate authority.
type authority struct {
	folder string
	name   string
	cert   *x509.Certificate
	key    crypto.Signer
}

// newAuthority makes one, and writes NAME.crt into the folder. Its key is
// written nowhere.
func newAuthority(folder, name string) (*authority, error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make authority %s: %w", name, err)
	}
	a := &authority{folder: folder, name: name, key: key}
	a.cert, err = a.sign(template, template, key.Public())
	if err != nil {
		return nil, fmt.Errorf("make authority %s: %w", name, err)
	}
	return a, writePEM(a.certFile(), "CERTIFICATE", a.cert.Raw)
}

func (a *authority) certFile() string { return filepath.Join(a.folder, a.name+".crt") }

// pem is the authority's certificate as text.
func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// pair is a certificate with its key, in files.
type pair struct {
	certFile, keyFile string
}

// issue makes a certificate that is good for clients and servers alike, and
// writes NAME.crt and NAME.key.
func (a *authority) issue(name string, subject pkix.Name, hosts ...string) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, fmt.Errorf("issue %s: %w", name, err)
	}
	template := &x509.Certificate{
		Subject:     subject,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	cert, err := a.sign(template, a.cert, key.Public())
	if err != nil {
		return pair{}, fmt.Errorf("issue %s: %w", name, err)
	}
	p := pair{filepath.Join(a.folder, name+".crt"), filepath.Join(a.folder, name+".key")}
	return p, errors.Join(writePEM(p.certFile, "CERTIFICATE", cert.Raw), writeKey(p.keyFile, key))
}

func (a *authority) sign(template, parent *x509.Certificate, public crypto.PublicKey) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	template.NotBefore = time.Now().Add(-time.Minute)
	template.NotAfter = time.Now().Add(lifetime)
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, a.key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// load reads the pair for use in this process.
func (p pair) load() (tls.Certificate, error) {
	return tls.LoadX509KeyPair(p.certFile, p.keyFile)
}

// newSigningKey makes the key with which service account tokens are signed,
// and writes NAME.key and NAME.pub.
func newSigningKey(folder, name string) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, fmt.Errorf("make signing key: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return pair{}, fmt.Errorf("make signing key: %w", err)
	}
	p := pair{filepath.Join(folder, name+".pub"), filepath.Join(folder, name+".key")}
	return p, errors.Join(writePEM(p.certFile, "PUBLIC KEY", public), writeKey(p.keyFile, key))
}

func writeKey(file string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return writePEM(file, "EC PRIVATE KEY", der)
}

func writePEM(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
