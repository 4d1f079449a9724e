"""Client of the VirusTotal API v3: requests, retries, rate limits and parsing of pages."""
